//go:build linux

// Products of matrices, row after row in float32, in the place of Eigen's. Those of training are narrow: a batch of 64 rows, sums of
// 64. There Eigen spends as much on rearranging its operands, both of them and 128 bits at a time, and on handing blocks to
// threads, as on the product. Here only the second operand is rearranged, and not where it is used once.

#include "product.h"
#include "parts.h"

#if defined(__x86_64__)

#include "tile.h"

// soon is what the strip from row k and column j of b on is made of.
static ahead soon(matrix b, int64_t k, int64_t j, int64_t deep, int64_t columns) {
  int64_t rows = least(deep - k, DEEP);
  columns = least(columns - j, WIDE);
  if (columns <= 0) return (ahead){0};
  if (b.column == 1) return (ahead){at(b, k, j).data, rows, (columns + LANES - 1) / LANES, b.row, 0};
  return (ahead){at(b, k, j).data, columns, (rows + LANES - 1) / LANES, b.column, 0};
}

// piece makes a part of the result: from one row and column to before others.
WIDE_CPU static void piece(matrix a, matrix b, int64_t deep, float* c, const float* other, int64_t row, int64_t top, int64_t bottom, int64_t left, int64_t right, int64_t last) {
  float packed[DEEP * WIDE] __attribute__((aligned(64)));  // 64 KiB
  for (int64_t j = left; j < right; j += WIDE) {
    int columns = (int)least(right - j, WIDE), vectors = (columns + LANES - 1) / LANES;
    for (int64_t k = 0; k < deep; k += DEEP) {
      matrix of = at(b, k, j);
      strip s = {of.data, least(deep - k, DEEP), of.row, (__mmask16)(0xffff >> (LANES * vectors - columns)), k > 0};
      if (of.column != 1 || bottom - top > 2 * TALL) { // else it is read as it lies
        pack(of, s.deep, columns, packed);
        s.data = packed;
        s.step = LANES * vectors;
      }
      ahead next = soon(b, k + DEEP < deep ? k + DEEP : 0, k + DEEP < deep ? j : j + WIDE, deep, k + DEEP < deep ? right : last);
      int64_t turns = (bottom - top + TALL - 1) / TALL * ((s.deep + EACH - 1) / EACH), lines = (next.rows * next.lines + turns - 1) / turns;
      for (int64_t i = top; i < bottom; i += TALL) {
        int rows = (int)least(TALL, bottom - i);
        BY_SHAPE(tile, rows, vectors, at(a, i, k), s, c + i * row + j, other && !k ? other + i * row + j : NULL, row, &next, lines);
      }
    }
  }
}

// multiplication is a product, or several.
typedef struct {
  matrix a, b;
  int64_t rows, columns, deep;
  float* c;
  const float* other;          // is added, or NULL
  int64_t high, across, each;  // rows of a part, parts beside each other, those of a product
} multiplication;

static void part(const void* of, int64_t number) {
  const multiplication* m = of;
  int64_t product = number / m->each, q = number % m->each, top = q / m->across * m->high, left = q % m->across * WIDE;
  matrix a = m->a, b = m->b;
  a.data += product * m->rows * m->deep;
  b.data += product * m->deep * m->columns;
  float* c = m->c + product * m->rows * m->columns;
  piece(a, b, m->deep, c, m->other ? m->other + (c - m->c) : NULL, m->columns, top, least(top + m->high, m->rows), left, least(left + WIDE, m->columns), m->columns);
}

static void* product(ffi_call* call, int small, int left, int right) {
  ffi_buffer *a = call->arguments.buffers[0], *b = call->arguments.buffers[1], *c = call->results.buffers[0];
  int64_t several = c->rank == 3 ? c->dims[0] : 1;
  int64_t *of = a->dims + a->rank - 2, *by = b->dims + b->rank - 2, *to = c->dims + c->rank - 2;
  multiplication m = {.rows = to[0], .columns = to[1], .deep = of[left], .c = c->data};
  m.a = left ? (matrix){a->data, of[1], 1} : (matrix){a->data, 1, of[1]};
  m.b = right ? (matrix){b->data, 1, by[1]} : (matrix){b->data, by[1], 1};
  if (call->arguments.size > 2) m.other = call->arguments.buffers[2]->data;
  int64_t size = several * m.rows * m.columns * m.deep, threads = (small ? small_threads_of : threads_of)(call, size), most = parts_of(threads, size);
  m.across = (m.columns + WIDE - 1) / WIDE;
  int64_t down = least((most + several * m.across - 1) / (several * m.across), (m.rows + 4 * TALL - 1) / (4 * TALL));
  m.high = ((m.rows + down - 1) / down + TALL - 1) / TALL * TALL;
  m.each = m.across * ((m.rows + m.high - 1) / m.high);
  (small ? in_small_parts : in_parts)(call, threads, part, &m, several * m.each);
  return NULL;
}

#define FORMS(name, small)                                              \
  void* name##00(ffi_call* call) { return product(call, small, 0, 0); } \
  void* name##01(ffi_call* call) { return product(call, small, 0, 1); } \
  void* name##10(ffi_call* call) { return product(call, small, 1, 0); } \
  void* name##11(ffi_call* call) { return product(call, small, 1, 1); }

FORMS(product, 0)
FORMS(small_product, 1)

#endif
