#pragma once

// What products and convolutions are made of: a tile of up to 6×64 numbers of the result stays in registers while the sums run. The second
// operand comes in strips of 64 columns, rearranged by the thread that uses them; the first is read as it lies, however its rows do.
//
// Each number is summed up in the order of the sum, in blocks of DEEP, whatever the threads do: results repeat to the bit.

#include <immintrin.h>
#include <stdint.h>

#define WIDE_CPU __attribute__((target("avx512f,avx512vl,fma,prfchw")))
#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16, WIDE = 4 * LANES, TALL = 6, DEEP = 256, EACH = 32 };

INLINE int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }

// matrix is one whose number in row i and column j is data[i * row + j * column].
typedef struct {
  const float* data;
  int64_t row, column;
} matrix;

INLINE matrix at(matrix x, int64_t i, int64_t j) { return (matrix){x.data + i * x.row + j * x.column, x.row, x.column}; }

// strip is what a strip of up to WIDE columns of the result is made of: deep rows of the second operand, step apart.
typedef struct {
  const float* data;
  int64_t deep, step;
  __mmask16 last;  // of the lanes of the last of its vectors
  int more;        // whether it is added to what is there
} strip;

// ahead is memory that is wanted soon: rows of `lines` lines of the cache each, `step` numbers apart. Weights come from far away, and
// by the time that they are needed they are here.
typedef struct {
  const float* row;
  int64_t rows, lines, step, line;  // the line that is next
} ahead;

WIDE_CPU INLINE void fetch(ahead* a, int64_t lines) {
  for (; lines > 0 && a->rows > 0; lines--) {
    __builtin_prefetch(a->row + LANES * a->line, 0, 2);
    if (++a->line == a->lines) {
      a->line = 0;
      a->row += a->step;
      a->rows--;
    }
  }
}

typedef __m512 sums[TALL][WIDE / LANES];

WIDE_CPU INLINE void begin(int rows, int vectors, sums s, float* const* to) {
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      __builtin_prefetch(to[i] + LANES * v, 1, 3);
      s[i][v] = _mm512_setzero_ps();
    }
}

// add adds the products of one number of each row, x[i * row] or *(x[i]) of those given one by one, with a row of the strip.
#define ADD(rows, vectors, s, last, y, number)                                                                       \
  do {                                                                                                               \
    __m512 of[WIDE / LANES];                                                                                         \
    _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++)                                                        \
      of[v] = v == vectors - 1 ? _mm512_maskz_loadu_ps(last, (y) + LANES * v) : _mm512_loadu_ps((y) + LANES * v);     \
    _Pragma("GCC unroll 6") for (int i = 0; i < rows; i++) {                                                         \
      __m512 by = _mm512_set1_ps(number);                                                                            \
      _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) s[i][v] = _mm512_fmadd_ps(by, of[v], s[i][v]);        \
    }                                                                                                                \
  } while (0)

WIDE_CPU INLINE void end(int rows, int vectors, sums s, strip b, float* const* to) {
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      __mmask16 lanes = v == vectors - 1 ? b.last : 0xffff;
      if (b.more) s[i][v] = _mm512_add_ps(s[i][v], _mm512_maskz_loadu_ps(lanes, to[i] + LANES * v));
      _mm512_mask_storeu_ps(to[i] + LANES * v, lanes, s[i][v]);
    }
}

// tile makes rows of the result, which lie `row` apart, and adds others to them, which lie as they do, or NULL. Meanwhile it fetches what is next,
// some lines with each EACH of the sum.
WIDE_CPU INLINE void tile(int rows, int vectors, matrix a, strip b, float* c, const float* other, int64_t row, ahead* next, int64_t lines) {
  sums s;
  float* to[TALL];
  for (int i = 0; i < rows; i++) to[i] = c + i * row;
  begin(rows, vectors, s, to);
  const float *x = a.data, *y = b.data;
  for (int64_t k = 0; k < b.deep; k++, x += a.column, y += b.step) {
    if (k % EACH == 0) fetch(next, lines);
    ADD(rows, vectors, s, b.last, y, x[i * a.row]);
  }
  if (other)
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++)
        s[i][v] = _mm512_add_ps(s[i][v], _mm512_maskz_loadu_ps(v == vectors - 1 ? b.last : 0xffff, other + i * row + LANES * v));
  end(rows, vectors, s, b, to);
}

// BY_SHAPE calls a function that is made for each number of rows and vectors, both constants there.
#define BY_VECTORS(f, rows, vectors, ...)        \
  switch (vectors) {                             \
    case 1: f(rows, 1, __VA_ARGS__); break;      \
    case 2: f(rows, 2, __VA_ARGS__); break;      \
    case 3: f(rows, 3, __VA_ARGS__); break;      \
    default: f(rows, 4, __VA_ARGS__); break;     \
  }
#define BY_SHAPE(f, rows, vectors, ...)                       \
  switch (rows) {                                             \
    case 1: BY_VECTORS(f, 1, vectors, __VA_ARGS__); break;    \
    case 2: BY_VECTORS(f, 2, vectors, __VA_ARGS__); break;    \
    case 3: BY_VECTORS(f, 3, vectors, __VA_ARGS__); break;    \
    case 4: BY_VECTORS(f, 4, vectors, __VA_ARGS__); break;    \
    case 5: BY_VECTORS(f, 5, vectors, __VA_ARGS__); break;    \
    default: BY_VECTORS(f, TALL, vectors, __VA_ARGS__); break; \
  }

// transpose16 writes the 16×16 numbers whose columns lie `column` apart as rows, WIDE-aligned, `step` apart.
WIDE_CPU static inline void transpose16(const float* from, int64_t column, float* to, int64_t step) {
  __m512 r[16], t[16];
  for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_ps(from + i * column);
  for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 16; i += 4)
    for (int j = 0; j < 2; j++) {
      __m512d low = _mm512_castps_pd(t[i + j]), high = _mm512_castps_pd(t[i + j + 2]);
      r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
      r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
    }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_f32x4(r[i], r[4 + i], 0x88);
    t[4 + i] = _mm512_shuffle_f32x4(r[i], r[4 + i], 0xdd);
    t[8 + i] = _mm512_shuffle_f32x4(r[8 + i], r[12 + i], 0x88);
    t[12 + i] = _mm512_shuffle_f32x4(r[8 + i], r[12 + i], 0xdd);
  }
  for (int i = 0; i < 8; i++) {
    _mm512_store_ps(to + i * step, _mm512_shuffle_f32x4(t[i], t[8 + i], 0x88));
    _mm512_store_ps(to + (8 + i) * step, _mm512_shuffle_f32x4(t[i], t[8 + i], 0xdd));
  }
}

// pack writes `deep` rows of `columns` columns one after the other, each of whole vectors.
WIDE_CPU static inline void pack(matrix b, int64_t deep, int columns, float* to) {
  int vectors = (columns + LANES - 1) / LANES, step = LANES * vectors;
  __mmask16 last = (__mmask16)(0xffff >> (step - columns));
  if (b.column == 1) {
    for (int64_t k = 0; k < deep; k++, b.data += b.row, to += step) {
      for (int v = 0; v < vectors - 1; v++) _mm512_store_ps(to + LANES * v, _mm512_loadu_ps(b.data + LANES * v));
      _mm512_store_ps(to + LANES * (vectors - 1), _mm512_maskz_loadu_ps(last, b.data + LANES * (vectors - 1)));
    }
    return;
  }
  int64_t whole = b.row == 1 ? deep / LANES * LANES : 0;
  int squares = columns / LANES;
  for (int64_t k = 0; k < whole; k += LANES)
    for (int v = 0; v < squares; v++)
      transpose16(b.data + k + LANES * v * b.column, b.column, to + k * step + LANES * v, step);
  for (int64_t k = 0; k < deep; k++)
    for (int j = k < whole ? LANES * squares : 0; j < step; j++) to[k * step + j] = j < columns ? b.data[k * b.row + j * b.column] : 0;
}
