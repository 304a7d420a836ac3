//go:build linux

// Products of matrices, row after row in float32, in the place of Eigen's. Those of training are narrow: a batch of 64 rows, sums of
// 64. There Eigen spends as much on rearranging its operands, both of them and 128 bits at a time, and on handing blocks to
// threads, as on the product. Here a tile of 6×64 numbers of the result stays in registers while the sum runs; only the
// second operand is rearranged, a strip of 64 columns at a time, by the thread that uses it, and not where it is used once.
//
// Each number is summed up in the order of the sum, in blocks of DEEP, whatever the threads do: results repeat to the bit.

#include "product.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define WIDE_CPU __attribute__((target("avx512f,avx512vl,fma,prfchw")))
#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16, WIDE = 4 * LANES, TALL = 6, DEEP = 256, EACH = 32 };

// matrix is one whose number in row i and column j is data[i * row + j * column].
typedef struct {
  const float* data;
  int64_t row, column;
} matrix;

static matrix at(matrix x, int64_t i, int64_t j) { return (matrix){x.data + i * x.row + j * x.column, x.row, x.column}; }

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

// tile makes `rows` rows of `vectors` vectors. Both are constants where it is called.
WIDE_CPU INLINE void tile(int rows, int vectors, matrix a, strip b, float* c, int64_t row, ahead* next, int64_t lines) {
  __m512 sums[TALL][WIDE / LANES];
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) __builtin_prefetch(c + i * row + LANES * v, 1, 3);
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) sums[i][v] = _mm512_setzero_ps();
  const float *x = a.data, *y = b.data;
  for (int64_t k = 0; k < b.deep; k++, x += a.column, y += b.step) {
    if (k % EACH == 0) fetch(next, lines);
    __m512 of[WIDE / LANES];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
      of[v] = v == vectors - 1 ? _mm512_maskz_loadu_ps(b.last, y + LANES * v) : _mm512_loadu_ps(y + LANES * v);
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
      __m512 by = _mm512_set1_ps(x[i * a.row]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) sums[i][v] = _mm512_fmadd_ps(by, of[v], sums[i][v]);
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      float* to = c + i * row + LANES * v;
      __mmask16 lanes = v == vectors - 1 ? b.last : 0xffff;
      if (b.more) sums[i][v] = _mm512_add_ps(sums[i][v], _mm512_maskz_loadu_ps(lanes, to));
      _mm512_mask_storeu_ps(to, lanes, sums[i][v]);
    }
}

WIDE_CPU INLINE void tiles(int vectors, matrix a, int64_t rows, strip b, float* c, int64_t row, ahead* next) {
  int64_t turns = (rows + TALL - 1) / TALL * ((b.deep + EACH - 1) / EACH), lines = (next->rows * next->lines + turns - 1) / turns;
  for (; rows >= TALL; rows -= TALL, a.data += TALL * a.row, c += TALL * row) tile(TALL, vectors, a, b, c, row, next, lines);
  switch (rows) {
    case 5: tile(5, vectors, a, b, c, row, next, lines); break;
    case 4: tile(4, vectors, a, b, c, row, next, lines); break;
    case 3: tile(3, vectors, a, b, c, row, next, lines); break;
    case 2: tile(2, vectors, a, b, c, row, next, lines); break;
    case 1: tile(1, vectors, a, b, c, row, next, lines); break;
  }
}

// transpose16 writes the 16×16 numbers whose columns lie `column` apart as rows, WIDE-aligned, `step` apart.
WIDE_CPU static void transpose16(const float* from, int64_t column, float* to, int64_t step) {
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
WIDE_CPU static void pack(matrix b, int64_t deep, int columns, float* to) {
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

// soon is what the strip from row k and column j of b on is made of.
static ahead soon(matrix b, int64_t k, int64_t j, int64_t deep, int64_t columns) {
  int64_t rows = deep - k < DEEP ? deep - k : DEEP;
  columns = columns - j < WIDE ? columns - j : WIDE;
  if (columns <= 0) return (ahead){0};
  if (b.column == 1) return (ahead){at(b, k, j).data, rows, (columns + LANES - 1) / LANES, b.row, 0};
  return (ahead){at(b, k, j).data, columns, (rows + LANES - 1) / LANES, b.column, 0};
}

// part makes a part of the result: from one row and column to before others.
WIDE_CPU static void part(matrix a, matrix b, int64_t deep, float* c, int64_t row, int64_t top, int64_t bottom, int64_t left, int64_t right, int64_t last) {
  float packed[DEEP * WIDE] __attribute__((aligned(64)));  // 64 KiB
  for (int64_t j = left; j < right; j += WIDE) {
    int columns = right - j < WIDE ? (int)(right - j) : WIDE, vectors = (columns + LANES - 1) / LANES;
    for (int64_t k = 0; k < deep; k += DEEP) {
      matrix of = at(b, k, j);
      strip s = {of.data, deep - k < DEEP ? deep - k : DEEP, of.row, (__mmask16)(0xffff >> (LANES * vectors - columns)), k > 0};
      if (of.column != 1 || bottom - top > 2 * TALL) { // else it is read as it lies
        pack(of, s.deep, columns, packed);
        s.data = packed;
        s.step = LANES * vectors;
      }
      matrix with = at(a, top, k);
      ahead next = soon(b, k + DEEP < deep ? k + DEEP : 0, k + DEEP < deep ? j : j + WIDE, deep, k + DEEP < deep ? right : last);
      float* to = c + top * row + j;
      switch (vectors) {
        case 1: tiles(1, with, bottom - top, s, to, row, &next); break;
        case 2: tiles(2, with, bottom - top, s, to, row, &next); break;
        case 3: tiles(3, with, bottom - top, s, to, row, &next); break;
        case 4: tiles(4, with, bottom - top, s, to, row, &next); break;
      }
    }
  }
}

// job is a product, or several, in parts, which whoever is free takes one after the other. Who holds it last frees it.
typedef struct {
  matrix a, b;
  int64_t rows, columns, deep;
  float* c;
  int64_t high, across, each, parts;  // rows of a part, parts beside each other, those of a product, all
  _Atomic int64_t next, done;
  _Atomic int holders;
} job;

static int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }

static void work(job* j) {
  for (int64_t p; (p = atomic_fetch_add(&j->next, 1)) < j->parts; atomic_fetch_add(&j->done, 1)) {
    int64_t product = p / j->each, q = p % j->each, top = q / j->across * j->high, left = q % j->across * WIDE;
    matrix a = j->a, b = j->b;
    a.data += product * j->rows * j->deep;
    b.data += product * j->deep * j->columns;
    float* c = j->c + product * j->rows * j->columns;
    part(a, b, j->deep, c, j->columns, top, least(top + j->high, j->rows), left, least(left + WIDE, j->columns), j->columns);
  }
}

static void let_go(job* j) {
  if (atomic_fetch_sub(&j->holders, 1) == 1) free(j);
}

static void help(void* data) {
  work(data);
  let_go(data);
}

// share computes a product with the help of XLA's threads. A helper that comes late finds nothing left to do.
static int share(ffi_call* call, job of, int64_t helpers) {
  job* j = malloc(sizeof *j);
  if (!j) return 0;
  *j = of;
  atomic_init(&j->next, 0);
  atomic_init(&j->done, 0);
  atomic_init(&j->holders, 1);
  void* (*schedule)(ffi_schedule_args*) = call->api->functions[FFI_SCHEDULE];
  for (int64_t i = 0; i < helpers; i++) {
    ffi_schedule_args args = {.struct_size = sizeof args, .context = call->context, .task = help, .data = j};
    atomic_fetch_add(&j->holders, 1);
    if (schedule(&args)) { // no threads
      atomic_fetch_sub(&j->holders, 1);
      break;
    }
  }
  work(j);
  for (int spins = 0; atomic_load(&j->done) < j->parts; spins++)
    if (spins < 2000) _mm_pause();
    else sched_yield();
  let_go(j);
  return 1;
}

static int64_t threads_of(ffi_call* call) {
  int64_t threads = 1;
  ffi_threads_args args = {.struct_size = sizeof args, .context = call->context, .threads = &threads};
  return ((void* (*)(ffi_threads_args*))call->api->functions[FFI_THREADS])(&args) ? 1 : threads;
}

static void* product(ffi_call* call, int left, int right) {
  if (call->extensions && call->extensions->type == FFI_METADATA) {
    ffi_metadata* asked = (ffi_metadata*)call->extensions;
    asked->metadata->version.major = 0;
    asked->metadata->version.minor = 1;
    asked->metadata->traits = 0;
    return NULL;
  }
  ffi_buffer *a = call->arguments.buffers[0], *b = call->arguments.buffers[1], *c = call->results.buffers[0];
  int64_t several = c->rank == 3 ? c->dims[0] : 1;
  int64_t *of = a->dims + a->rank - 2, *by = b->dims + b->rank - 2, *to = c->dims + c->rank - 2;
  job j = {.rows = to[0], .columns = to[1], .deep = of[left], .c = c->data};
  j.a = left ? (matrix){a->data, of[1], 1} : (matrix){a->data, 1, of[1]};
  j.b = right ? (matrix){b->data, 1, by[1]} : (matrix){b->data, by[1], 1};
  const int64_t small = 1 << 22; // multiplications, forty microseconds
  int64_t size = several * j.rows * j.columns * j.deep, threads = size < small ? 1 : threads_of(call);
  int64_t most = threads > 1 ? least(4 * threads, size / (small / 4)) : 1;
  j.across = (j.columns + WIDE - 1) / WIDE;
  int64_t down = least((most + several * j.across - 1) / (several * j.across), (j.rows + 4 * TALL - 1) / (4 * TALL));
  j.high = ((j.rows + down - 1) / down + TALL - 1) / TALL * TALL;
  j.each = j.across * ((j.rows + j.high - 1) / j.high);
  j.parts = several * j.each;
  if (threads == 1 || j.parts == 1 || !share(call, j, least(threads, j.parts) - 1)) work(&j);
  return NULL;
}

static void* product00(ffi_call* call) { return product(call, 0, 0); }
static void* product01(ffi_call* call) { return product(call, 0, 1); }
static void* product10(ffi_call* call) { return product(call, 1, 0); }
static void* product11(ffi_call* call) { return product(call, 1, 1); }

void* (*product_handler(int left, int right))(ffi_call*) {
  void* (*all[])(ffi_call*) = {product00, product01, product10, product11};
  return all[2 * left + right];
}

int product_able(void) { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"); }

#else

void* (*product_handler(int left, int right))(ffi_call*) { return NULL; }

int product_able(void) { return 0; }

#endif
