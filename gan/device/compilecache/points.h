#pragma once

// The transformations of Winograd's convolutions along one axis (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016,
// arXiv:1509.09308). A window and a kernel are looked at as polynomials, by their values at a few points (Toom and Cook): as many as the
// window has pixels, one less than the kernel's taps and the tile's results together.
//
//   taps 2, 3 points: 0, 1, ∞        F(2, 2)
//   taps 2, 4 points: 0, 1, ∞, -1    F(3, 2), the kernel's values at the first three those of F(2, 2)
//   taps 3, 4 points: 0, 1, ∞, -1    F(2, 3)
//
// So tiles of three and of two results, next to each other, use one transformed kernel, and add up their share of a kernel's gradient at the
// same points. All of them add and subtract, and the kernel's halves are exact.
//
// Each function reads numbers that lie `apart` and writes others that lie `beside` each other; taps and points are constants where it is
// called.

#include "tile.h"

enum { MOST_TAPS = 3, MOST_POINTS = 4, MOST_RESULTS = 3 };

// of_kernel is G k.
WIDE_CPU INLINE void of_kernel(int taps, int points, const __m512* k, int apart, __m512* to, int beside) {
  __m512 half = _mm512_set1_ps(0.5f), even = k[0], odd = k[apart], last = k[(taps - 1) * apart];
  if (taps == 3) even = _mm512_add_ps(even, last);
  even = _mm512_mul_ps(half, even);
  odd = _mm512_mul_ps(half, odd);
  to[0] = k[0];
  to[beside] = _mm512_add_ps(even, odd);
  to[2 * beside] = last;
  if (points == 4) to[3 * beside] = _mm512_sub_ps(even, odd);
}

// to_kernel is Gᵀ s.
WIDE_CPU INLINE void to_kernel(int taps, int points, const __m512* s, int apart, __m512* to, int beside) {
  __m512 half = _mm512_set1_ps(0.5f), even = s[apart], odd = s[apart];
  if (points == 4) {
    even = _mm512_add_ps(even, s[3 * apart]);
    odd = _mm512_sub_ps(odd, s[3 * apart]);
  }
  even = _mm512_mul_ps(half, even);
  odd = _mm512_mul_ps(half, odd);
  to[0] = _mm512_add_ps(s[0], even);
  if (taps == 3) {
    to[beside] = odd;
    to[2 * beside] = _mm512_add_ps(even, s[2 * apart]);
  } else {
    to[beside] = _mm512_add_ps(odd, s[2 * apart]);
  }
}

// of_window is Bᵀ x.
WIDE_CPU INLINE void of_window(int points, const __m512* x, int apart, __m512* to, int beside) {
  if (points == 3) {
    to[0] = _mm512_sub_ps(x[0], x[apart]);
    to[beside] = _mm512_add_ps(x[apart], x[apart]);
    to[2 * beside] = _mm512_sub_ps(x[2 * apart], x[apart]);
    return;
  }
  to[0] = _mm512_sub_ps(x[0], x[2 * apart]);
  to[beside] = _mm512_add_ps(x[apart], x[2 * apart]);
  to[2 * beside] = _mm512_sub_ps(x[3 * apart], x[apart]);
  to[3 * beside] = _mm512_sub_ps(x[2 * apart], x[apart]);
}

// to_tile is Aᵀ p.
WIDE_CPU INLINE void to_tile(int taps, int points, const __m512* p, int apart, __m512* to, int beside) {
  __m512 even = p[apart], odd = p[apart];
  if (points == 4) {
    even = _mm512_add_ps(even, p[3 * apart]);
    odd = _mm512_sub_ps(odd, p[3 * apart]);
  }
  to[0] = _mm512_add_ps(p[0], even);
  to[beside] = odd;
  if (points - taps == 2) to[2 * beside] = even;
  int last = (points - taps) * beside;
  to[last] = _mm512_add_ps(to[last], p[2 * apart]);
}

// of_tile is A y.
WIDE_CPU INLINE void of_tile(int taps, int points, const __m512* y, int apart, __m512* to, int beside) {
  __m512 even = y[0], odd = y[apart];
  if (points - taps == 2) even = _mm512_add_ps(even, y[2 * apart]);
  to[0] = y[0];
  to[beside] = _mm512_add_ps(even, odd);
  to[2 * beside] = y[(points - taps) * apart];
  if (points == 4) to[3 * beside] = _mm512_sub_ps(even, odd);
}
