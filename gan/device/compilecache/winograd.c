//go:build linux

// Winograd's convolutions F(2×2, 2×2) and F(2×2, 3×3) (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016,
// arXiv:1509.09308) with all that surrounds their products: four results next to each other, a tile, take 9 products for each pair of
// channels in place of 16, or 16 in place of 36.
//
//   Y = Aᵀ [ (G K Gᵀ) ⊙ (Bᵀ X B) ] A
//
// with 3×3 or 4×4 pixels X, a kernel K and four results Y. For all tiles and channels the products, one for each point of the transformed
// window, are products of matrices. A part of the work is so many tiles that what is transformed stays in the cache of its processor.
//
// A kernel of 4×4 in steps of two is four of 2×2, a phase each: one for even rows and even columns of the image, and so on, whose results
// are added up. A transposed one makes even and odd rows and columns of its result by a 2×2 kernel each. Their transformations add
// and subtract, and nothing else.

#include "winograd.h"
#include "parts.h"

#if defined(__x86_64__)

#include <stdatomic.h>
#include <stdlib.h>

#include "tile.h"

enum {
  MOST_TAPS = 3,
  MOST_POINTS = MOST_TAPS + 1,
  ROOM = 96 << 10,   // numbers of transformed windows in a part of a convolution
  TOGETHER = 96,     // tiles whose products a part of a correlation adds up at once
  FEWEST_TILES = 32  // that a transformed kernel is worth
};

typedef struct {
  const convolution* c;
  int64_t taps, points;     // of a phase, along one axis: those of its kernel and of a window
  int64_t step, phases;     // steps of the kernel or of what it makes; all phases
  int64_t spread;           // whether phases are of the result
  int64_t high, wide;       // tiles of an image
  int64_t tiles, lot;       // of all images, and of a part
  int64_t deep;             // numbers that a point's product sums up
  float *kernels, *rooms;   // of all points; of the parts that run at once
  int64_t room;             // numbers of one
  _Atomic uint64_t* vacant; // rooms, a bit each
} winograd;

// takes_room is a room that no other part has.
static int takes_room(const winograd* g) {
  for (;;) {
    uint64_t of = atomic_load(g->vacant);
    if (of && atomic_compare_exchange_weak(g->vacant, &of, of & (of - 1))) return __builtin_ctzll(of);
  }
}

static void leaves_room(const winograd* g, int number) { atomic_fetch_or(g->vacant, 1ull << number); }

// first_tap is the kernel's first row that a phase of the result reads, and after it every step-th; or that reads a phase of the image.
static int64_t first_tap(const winograd* g, int64_t before, int64_t phase) {
  return g->spread ? ((before - phase) % g->step + g->step) % g->step : phase;
}

// first_row is the image's row that a phase's first window begins with.
static int64_t first_row(const winograd* g, int64_t before, int64_t phase) {
  return g->spread ? (phase + first_tap(g, before, phase) - before) / g->step : phase - before;
}

// of_kernel is G k along one axis.
WIDE_CPU INLINE void of_kernel(int points, const __m512* k, int apart, __m512* to, int beside) {
  if (points == 3) {
    to[0] = k[0];
    to[beside] = _mm512_add_ps(k[0], k[apart]);
    to[2 * beside] = k[apart];
    return;
  }
  __m512 half = _mm512_set1_ps(0.5f), ends = _mm512_mul_ps(half, _mm512_add_ps(k[0], k[2 * apart])), middle = _mm512_mul_ps(half, k[apart]);
  to[0] = k[0];
  to[beside] = _mm512_add_ps(ends, middle);
  to[2 * beside] = _mm512_sub_ps(ends, middle);
  to[3 * beside] = k[2 * apart];
}

// to_kernel is Gᵀ s along one axis.
WIDE_CPU INLINE void to_kernel(int points, const __m512* s, int apart, __m512* to, int beside) {
  if (points == 3) {
    to[0] = _mm512_add_ps(s[0], s[apart]);
    to[beside] = _mm512_add_ps(s[apart], s[2 * apart]);
    return;
  }
  __m512 half = _mm512_set1_ps(0.5f), sum = _mm512_mul_ps(half, _mm512_add_ps(s[apart], s[2 * apart]));
  to[0] = _mm512_add_ps(s[0], sum);
  to[beside] = _mm512_mul_ps(half, _mm512_sub_ps(s[apart], s[2 * apart]));
  to[2 * beside] = _mm512_add_ps(sum, s[3 * apart]);
}

// of_window is Bᵀ x along one axis.
WIDE_CPU INLINE void of_window(int points, const __m512* x, int apart, __m512* to, int beside) {
  if (points == 3) {
    to[0] = _mm512_sub_ps(x[0], x[apart]);
    to[beside] = x[apart];
    to[2 * beside] = _mm512_sub_ps(x[2 * apart], x[apart]);
    return;
  }
  to[0] = _mm512_sub_ps(x[0], x[2 * apart]);
  to[beside] = _mm512_add_ps(x[apart], x[2 * apart]);
  to[2 * beside] = _mm512_sub_ps(x[2 * apart], x[apart]);
  to[3 * beside] = _mm512_sub_ps(x[apart], x[3 * apart]);
}

// to_tile is Aᵀ p along one axis.
WIDE_CPU INLINE void to_tile(int points, const __m512* p, int apart, __m512* to, int beside) {
  if (points == 3) {
    to[0] = _mm512_add_ps(p[0], p[apart]);
    to[beside] = _mm512_add_ps(p[apart], p[2 * apart]);
    return;
  }
  to[0] = _mm512_add_ps(_mm512_add_ps(p[0], p[apart]), p[2 * apart]);
  to[beside] = _mm512_sub_ps(_mm512_sub_ps(p[apart], p[2 * apart]), p[3 * apart]);
}

// of_tile is A y along one axis.
WIDE_CPU INLINE void of_tile(int points, const __m512* y, int apart, __m512* to, int beside) {
  to[0] = y[0];
  to[beside] = _mm512_add_ps(y[0], y[apart]);
  if (points == 3) {
    to[2 * beside] = y[apart];
    return;
  }
  to[2 * beside] = _mm512_sub_ps(y[0], y[apart]);
  to[3 * beside] = _mm512_sub_ps(_mm512_setzero_ps(), y[apart]);
}

// BY_POINTS calls a function that is made for each number of points, a constant there.
#define BY_POINTS(f, points, ...)   \
  do {                              \
    if ((points) == 3) f(3, __VA_ARGS__); \
    else f(4, __VA_ARGS__);         \
  } while (0)

// kernel_at is where the transformed kernel of a phase of the result, of a point and of a strip of columns begins: deep rows of the strip.
static float* kernel_at(const winograd* g, int64_t phase, int64_t point, int64_t j) {
  return g->kernels + ((phase * g->points * g->points + point) * g->c->out + j) * g->deep;
}

WIDE_CPU INLINE void kernel_rows(int points, const float* taps, int64_t tap, int64_t rows, int64_t step, float* to, int64_t point) {
  int m = points - 1;
  for (int64_t k = 0; k < rows * step; k += LANES) {
    __m512 of[MOST_TAPS * MOST_TAPS], half[MOST_POINTS * MOST_TAPS], all[MOST_POINTS * MOST_POINTS];
#pragma GCC unroll 9
    for (int i = 0; i < m * m; i++) of[i] = _mm512_load_ps(taps + i * tap + k);
#pragma GCC unroll 3
    for (int j = 0; j < m; j++) of_kernel(points, of + j, m, half + j, m);
#pragma GCC unroll 4
    for (int i = 0; i < points; i++) of_kernel(points, half + i * m, 1, all + i * points, 1);
#pragma GCC unroll 16
    for (int i = 0; i < points * points; i++) _mm512_storeu_ps(to + i * point + k, all[i]);
  }
}

// transform makes a part of the transformed kernels: of a phase, of some channels, and of a strip of columns.
WIDE_CPU static void transform(const void* of, int64_t number) {
  const winograd* g = of;
  const convolution* c = g->c;
  int64_t j = number % c->strips * WIDE, n = number / c->strips % (c->in / LANES) * LANES, phase = number / c->strips / (c->in / LANES);
  int64_t low = first_tap(g, c->top, phase / g->step), start = first_tap(g, c->left, phase % g->step);
  int wide = (int)least(c->out - j, WIDE);
  float taps[MOST_TAPS * MOST_TAPS][LANES * WIDE] __attribute__((aligned(64)));
  for (int64_t tap = 0; tap < g->taps * g->taps; tap++) {
    int64_t ky = low + tap / g->taps * g->step, kx = start + tap % g->taps * g->step;
    if (c->flipped) ky = c->high - 1 - ky, kx = c->wide - 1 - kx;
    const float* weights = c->kernel + (ky * c->wide + kx) * c->in * c->out;
    pack(c->turned ? (matrix){weights + j * c->in + n, 1, c->in} : (matrix){weights + n * c->out + j, c->out, 1}, LANES, wide, taps[tap]);
  }
  float* to = kernel_at(g, g->spread ? phase : 0, 0, j) + ((g->spread ? 0 : phase * c->in) + n) * wide;
  BY_POINTS(kernel_rows, g->points, taps[0], LANES * WIDE, LANES, wide, to, c->out * g->deep);
}

// window is pixels of an image, some of which may be beside it.
typedef struct {
  const float* pixels[MOST_POINTS * MOST_POINTS];
  int64_t inside[MOST_POINTS * MOST_POINTS];  // all bits or none
} window;

static const float beside[LANES];

// looks finds the pixels of a tile in a phase, every step-th.
INLINE window looks(int points, const winograd* g, int64_t tile, int64_t down, int64_t right) {
  const convolution* c = g->c;
  int64_t step = g->spread ? 1 : g->step, image = tile / (g->high * g->wide);
  int64_t row = step * 2 * (tile / g->wide % g->high) + first_row(g, c->top, down), column = step * 2 * (tile % g->wide) + first_row(g, c->left, right);
  window w;
  for (int i = 0; i < points * points; i++) {
    int64_t y = row + i / points * step, x = column + i % points * step;
    int found = ((uint64_t)y < (uint64_t)c->height) & ((uint64_t)x < (uint64_t)c->width);
    w.pixels[i] = found ? c->x + ((image * c->height + y) * c->width + x) * c->in : beside;
    w.inside[i] = -found;
  }
  return w;
}

WIDE_CPU INLINE void transform_window(int points, const winograd* g, int64_t tile, int64_t down, int64_t right, float* to, int64_t point) {
  window w = looks(points, g, tile, down, right);
  for (int64_t n = 0; n < g->c->in; n += LANES) {
    __m512 x[MOST_POINTS * MOST_POINTS], half[MOST_POINTS * MOST_POINTS];
#pragma GCC unroll 16
    for (int i = 0; i < points * points; i++) x[i] = _mm512_loadu_ps(w.pixels[i] + (n & w.inside[i]));
#pragma GCC unroll 4
    for (int j = 0; j < points; j++) of_window(points, x + j, points, half + j, points);
#pragma GCC unroll 4
    for (int i = 0; i < points; i++) of_window(points, half + i * points, 1, x + i * points, 1);
#pragma GCC unroll 16
    for (int i = 0; i < points * points; i++) _mm512_storeu_ps(to + i * point + n, x[i]);
  }
}

WIDE_CPU INLINE void write_tile(int points, const winograd* g, int64_t tile, int64_t phase, int64_t j, int64_t wide, const float* products, int64_t point) {
  const convolution* c = g->c;
  int64_t step = g->spread ? g->step : 1, image = tile / (g->high * g->wide);
  int64_t row = step * 2 * (tile / g->wide % g->high) + phase / g->step, column = step * 2 * (tile % g->wide) + phase % g->step;
  for (int64_t n = 0; n < wide; n += LANES) {
    __m512 p[MOST_POINTS * MOST_POINTS], half[2 * MOST_POINTS], y[4];
#pragma GCC unroll 16
    for (int i = 0; i < points * points; i++) p[i] = _mm512_loadu_ps(products + i * point + n);
#pragma GCC unroll 4
    for (int i = 0; i < points; i++) to_tile(points, p + i, points, half + i, points);
    to_tile(points, half, 1, y, 1);
    to_tile(points, half + points, 1, y + 2, 1);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      int64_t r = row + i / 2 * step, q = column + i % 2 * step;
      if ((r < c->rows) & (q < c->columns)) _mm512_storeu_ps((float*)c->y + ((image * c->rows + r) * c->columns + q) * c->out + j + n, y[i]);
    }
  }
}

// convolve makes a part of a convolution: some tiles of a phase of the result.
WIDE_CPU static void convolve(const void* of, int64_t number) {
  const winograd* g = of;
  const convolution* c = g->c;
  int64_t lots = (g->tiles + g->lot - 1) / g->lot, first = number % lots * g->lot, many = least(g->lot, g->tiles - first), made = number / lots;
  int64_t square = g->points * g->points, point = g->lot * g->deep;
  int room = takes_room(g);
  float *windows = g->rooms + room * g->room, *products = windows + square * point;
  for (int64_t t = 0; t < many; t++)
    for (int64_t p = g->spread ? made : 0; p < (g->spread ? made + 1 : g->phases); p++)
      BY_POINTS(transform_window, g->points, g, first + t, p / g->step, p % g->step, windows + t * g->deep + (g->spread ? 0 : p * c->in), point);
  for (int64_t j = 0; j < c->out; j += WIDE) {
    int64_t wide = least(c->out - j, WIDE);
    for (int64_t k = 0; k < square; k++) {
      strip b = {kernel_at(g, made, k, j), g->deep, wide, 0xffff, 0};
      for (int64_t m = 0; m < many; m += TALL) {
        ahead next = {0};
        int rows = (int)least(TALL, many - m);
        BY_SHAPE(tile, rows, wide / LANES, (matrix){windows + k * point + m * g->deep, g->deep, 1}, b, products + (k * g->lot + m) * wide, NULL, wide, &next, 0);
      }
    }
    for (int64_t t = 0; t < many; t++) BY_POINTS(write_tile, g->points, g, first + t, g->spread ? made : 0, j, wide, products + t * wide, g->lot * wide);
  }
  leaves_room(g, room);
}

// BY_POINT calls a function that is made for each number of points and each of them, both constants there.
#define BY_POINT(f, points, u, ...)                \
  switch ((points) * 4 + (u)) {                    \
    case 12: f(3, 0, __VA_ARGS__); break;          \
    case 13: f(3, 1, __VA_ARGS__); break;          \
    case 14: f(3, 2, __VA_ARGS__); break;          \
    case 16: f(4, 0, __VA_ARGS__); break;          \
    case 17: f(4, 1, __VA_ARGS__); break;          \
    case 18: f(4, 2, __VA_ARGS__); break;          \
    default: f(4, 3, __VA_ARGS__); break;          \
  }

// row_of_window is one row of a transformed window.
WIDE_CPU INLINE void row_of_window(int points, int u, const winograd* g, int64_t tile, int64_t down, int64_t right, float* to, int64_t point) {
  window w = looks(points, g, tile, down, right);
  for (int64_t n = 0; n < g->c->in; n += LANES) {
    __m512 x[MOST_POINTS * MOST_POINTS], half[MOST_POINTS * MOST_POINTS];
#pragma GCC unroll 16
    for (int i = 0; i < points * points; i++) x[i] = _mm512_loadu_ps(w.pixels[i] + (n & w.inside[i]));
#pragma GCC unroll 4
    for (int j = 0; j < points; j++) of_window(points, x + j, points, half + j, points);
    of_window(points, half + u * points, 1, x, 1);
#pragma GCC unroll 4
    for (int i = 0; i < points; i++) _mm512_storeu_ps(to + i * point + n, x[i]);
  }
}

// row_of_tile is one row of a transformed tile, of a strip of columns.
WIDE_CPU INLINE void row_of_tile(int points, int u, const winograd* g, int64_t tile, int64_t j, int64_t wide, float* to, int64_t point) {
  const convolution* c = g->c;
  int64_t image = tile / (g->high * g->wide), row = 2 * (tile / g->wide % g->high), column = 2 * (tile % g->wide);
  const float* from = c->y + ((image * c->rows + row) * c->columns + column) * c->out + j;
  int below = row + 1 < c->rows, right = column + 1 < c->columns;
  for (int64_t n = 0; n < wide; n += LANES) {
    __m512 zero = _mm512_setzero_ps(), y[4], half[2 * MOST_POINTS], all[MOST_POINTS];
    y[0] = _mm512_loadu_ps(from + n);
    y[1] = right ? _mm512_loadu_ps(from + c->out + n) : zero;
    y[2] = below ? _mm512_loadu_ps(from + c->columns * c->out + n) : zero;
    y[3] = below & right ? _mm512_loadu_ps(from + (c->columns + 1) * c->out + n) : zero;
    of_tile(points, y, 2, half, 2);
    of_tile(points, y + 1, 2, half + 1, 2);
    of_tile(points, half + 2 * u, 1, all, 1);
#pragma GCC unroll 4
    for (int i = 0; i < points; i++) _mm512_storeu_ps(to + i * point + n, all[i]);
  }
}

// correlate makes a part of the sums: of a phase of the image, of a row of points and of a strip of columns.
WIDE_CPU static void correlate(const void* of, int64_t number) {
  const winograd* g = of;
  const convolution* c = g->c;
  int64_t j = number % c->strips * WIDE, u = number / c->strips % g->points, phase = number / c->strips / g->points;
  int64_t wide = least(c->out - j, WIDE), point = g->lot * c->in;
  int room = takes_room(g);
  float *windows = g->rooms + room * g->room, *results = windows + g->points * point;
  for (int64_t first = 0; first < g->tiles; first += g->lot) {
    int64_t many = least(g->lot, g->tiles - first);
    for (int64_t t = 0; t < many; t++) {
      BY_POINT(row_of_window, g->points, u, g, first + t, phase / g->step, phase % g->step, windows + t * c->in, point);
      BY_POINT(row_of_tile, g->points, u, g, first + t, j, wide, results + t * wide, g->lot * wide);
    }
    for (int64_t v = 0; v < g->points; v++) {
      strip b = {results + v * g->lot * wide, many, wide, 0xffff, first > 0};
      float* to = kernel_at(g, phase, u * g->points + v, j);
      for (int64_t n = 0; n < c->in; n += TALL) {
        ahead next = {0};
        int rows = (int)least(TALL, c->in - n);
        BY_SHAPE(tile, rows, wide / LANES, (matrix){windows + v * point + n, 1, c->in}, b, to + n * wide, NULL, wide, &next, 0);
      }
    }
  }
  leaves_room(g, room);
}

WIDE_CPU INLINE void kernel_of_sums(int points, const winograd* g, const float* sums, int64_t point, int64_t step, float* to, int64_t down, int64_t right) {
  const convolution* c = g->c;
  int m = points - 1;
  for (int64_t n = 0; n < LANES; n++)
    for (int64_t k = 0; k < step; k += LANES) {
      __m512 s[MOST_POINTS * MOST_POINTS], half[MOST_TAPS * MOST_POINTS], all[MOST_TAPS * MOST_TAPS];
#pragma GCC unroll 16
      for (int i = 0; i < points * points; i++) s[i] = _mm512_loadu_ps(sums + i * point + n * step + k);
#pragma GCC unroll 4
      for (int i = 0; i < points; i++) to_kernel(points, s + i, points, half + i, points);
#pragma GCC unroll 3
      for (int i = 0; i < m; i++) to_kernel(points, half + i * points, 1, all + i * m, 1);
#pragma GCC unroll 9
      for (int i = 0; i < m * m; i++)
        _mm512_storeu_ps(to + (((down + i / m * g->step) * c->wide + right + i % m * g->step) * c->in + n) * c->out + k, all[i]);
    }
}

// finish makes a part of the kernel from the sums: of a phase, of some channels and of a strip of columns.
WIDE_CPU static void finish(const void* of, int64_t number) {
  const winograd* g = of;
  const convolution* c = g->c;
  int64_t j = number % c->strips * WIDE, n = number / c->strips % (c->in / LANES) * LANES, phase = number / c->strips / (c->in / LANES);
  int64_t wide = least(c->out - j, WIDE);
  float* to = (float*)c->kernel + n * c->out + j;
  BY_POINTS(kernel_of_sums, g->points, g, kernel_at(g, phase, 0, j) + n * wide, c->out * g->deep, wide, to, phase / g->step, phase % g->step);
}

// described is how the algorithm computes a convolution, without its memory. It has no taps where it does not.
static winograd described(const convolution* c) {
  int64_t step = c->stride * c->dilation;
  winograd g = {.c = c, .step = step, .phases = step * step, .spread = c->dilation > 1};
  if (c->span > 1 || c->high != c->wide || c->high % step || (c->stride > 1 && c->dilation > 1) || c->in % LANES || c->out % LANES) return g;
  int64_t taps = c->high / step, across = g.spread ? step : 1;
  g.points = taps + 1;
  g.high = ((c->rows + across - 1) / across + 1) / 2;
  g.wide = ((c->columns + across - 1) / across + 1) / 2;
  g.tiles = c->batch * g.high * g.wide;
  // A tile that is beside the result in part is computed all the same.
  int64_t products = g.points * g.points * g.high * g.wide * across * across, direct = taps * taps * c->rows * c->columns;
  if ((taps == 2 || taps == MOST_TAPS) && g.tiles >= FEWEST_TILES && 5 * products < 4 * direct) g.taps = taps;
  return g;
}

// in_rooms does both stages of the work, the second in rooms of its parts, and tells whether there was memory.
static int in_rooms(ffi_call* call, winograd* g, int64_t threads, void (*one)(const void*, int64_t), int64_t ones, void (*other)(const void*, int64_t), int64_t others) {
  threads = least(threads, 64);
  int64_t kernels = g->points * g->points * g->phases * g->c->in * g->c->out;
  g->room = (g->room + 2 * LANES - 1) / LANES * LANES;
  g->kernels = aligned_alloc(64, (size_t)(kernels + threads * g->room) * sizeof(float));
  if (!g->kernels) return 0;
  g->rooms = g->kernels + kernels;
  _Atomic uint64_t vacant = threads == 64 ? ~0ull : (1ull << threads) - 1;
  g->vacant = &vacant;
  in_parts(call, threads, one, g, ones);
  in_parts(call, threads, other, g, others);
  free(g->kernels);
  return 1;
}

int winograd_convolve(ffi_call* call, const convolution* c, int64_t threads) {
  winograd g = described(c);
  if (!g.taps) return 0;
  int64_t square = g.points * g.points, made = g.spread ? g.phases : 1;
  g.deep = g.spread ? c->in : g.phases * c->in;
  g.lot = ROOM / (square * g.deep) / TALL * TALL;
  g.lot = g.lot < 4 * TALL ? 4 * TALL : g.lot;
  g.lot = least(g.lot, (g.tiles * made / threads + TALL - 1) / TALL * TALL);
  g.room = square * g.lot * (g.deep + WIDE);
  return in_rooms(call, &g, threads, transform, g.phases * (c->in / LANES) * c->strips, convolve, made * ((g.tiles + g.lot - 1) / g.lot));
}

int winograd_correlate(ffi_call* call, const convolution* c, int64_t threads) {
  winograd g = described(c);
  if (!g.taps) return 0;
  g.deep = c->in;
  g.lot = TOGETHER;
  g.room = g.points * g.lot * (c->in + WIDE);
  return in_rooms(call, &g, threads, correlate, g.phases * g.points * c->strips, finish, g.phases * (c->in / LANES) * c->strips);
}

#endif
