//go:build linux

// Winograd's convolutions (points.h) with all that surrounds their products. Of 3×3 kernels four results next to each other, a tile, take 16
// products for each pair of channels in place of 36; of 2×2 kernels nine take 16 in place of 36, and four 9 in place of 16.
//
//   Y = Aᵀ [ (G K Gᵀ) ⊙ (Bᵀ X B) ] A
//
// with the pixels X of a window, a kernel K and a tile Y of results. For all tiles and channels the products, one for each point of the
// transformed window, are products of matrices. A part of the work is so many tiles that what is transformed stays in the cache of its processor.
//
// A kernel of 4×4 in steps of two is four of 2×2, a phase each: one for even rows and even columns of the image, and so on, whose results
// are added up. A transposed one makes even and odd rows and columns of its result by a 2×2 kernel each.

#include "winograd.h"
#include "parts.h"

#if defined(__x86_64__)

#include <stdatomic.h>
#include <stdlib.h>

#include "points.h"

enum {
  ROOM = 96 << 10,   // numbers of transformed windows in a part of a convolution
  TOGETHER = 64,     // tiles whose products a part of a correlation adds up at once
  MOST_DEEP = 128,   // channels in of a part of a correlation
  FEWEST_TILES = 32  // that a transformed kernel is worth
};

// run is tiles of an axis that are alike: the points of one, where the first begins, and how many there are.
typedef struct {
  int64_t points, first, many;
} run;

typedef struct {
  const convolution* c;
  int64_t taps;             // of a phase, along one axis
  int64_t step, phases;     // steps of the kernel or of what it makes; all phases
  int64_t spread;           // whether phases are of the result
  run down[2], right[2];    // of a phase of an image's results; the first has as many points as any
  int64_t lot;              // tiles of a part, at most
  int64_t deep;             // numbers that a point's product sums up; channels in of a part of a correlation
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

// cut covers an axis of results with tiles: for three taps of two, for two taps of three and of two, so that none is beyond its end unless it has
// one result.
static void cut(int64_t taps, int64_t results, run of[2]) {
  int64_t tiles = (results + 2) / 3, threes = results - 2 * tiles;
  of[1] = (run){0};
  if (taps == 3) {
    of[0] = (run){4, 0, (results + 1) / 2};
  } else if (threes <= 0) {
    of[0] = (run){3, 0, tiles};
  } else {
    of[0] = (run){4, 0, threes};
    of[1] = (run){3, 3 * threes, tiles - threes};
  }
}

// square is how many points the kernel has.
static int64_t square(const winograd* g) { return g->down[0].points * g->right[0].points; }

// lot is some tiles that are alike.
typedef struct {
  const run *down, *right;
  int64_t first, many;
} lot;

static int64_t tiles_of(const winograd* g, const run* down, const run* right) { return g->c->batch * down->many * right->many; }

// lots is how many there are of a kind, of the four that runs down and to the right make; and lot_at one of all by its number.
static int64_t lots(const winograd* g, int kind) { return (tiles_of(g, &g->down[kind / 2], &g->right[kind % 2]) + g->lot - 1) / g->lot; }

static int64_t all_lots(const winograd* g) { return lots(g, 0) + lots(g, 1) + lots(g, 2) + lots(g, 3); }

static lot lot_at(const winograd* g, int64_t number) {
  int kind = 0;
  for (; number >= lots(g, kind); kind++) number -= lots(g, kind);
  const run *down = &g->down[kind / 2], *right = &g->right[kind % 2];
  int64_t tiles = tiles_of(g, down, right), each = (tiles + lots(g, kind) - 1) / lots(g, kind);
  return (lot){down, right, number * each, least(each, tiles - number * each)};
}

// place is where a tile lies: the image, and the row and column of its first result in a phase.
typedef struct {
  int64_t image, row, column;
} place;

// side is how many results a tile has along an axis.
static int64_t side(const winograd* g, const run* of) { return of->points - g->taps + 1; }

// place_of is where the first tile of a lot lies.
static place place_of(const winograd* g, const lot* l) {
  int64_t line = l->first / l->right->many;
  return (place){line / l->down->many, l->down->first + line % l->down->many * side(g, l->down), l->right->first + l->first % l->right->many * side(g, l->right)};
}

// after is where the next one lies.
INLINE place after(const winograd* g, const lot* l, place at) {
  at.column += side(g, l->right);
  if (at.column < l->right->first + l->right->many * side(g, l->right)) return at;
  at.column = l->right->first;
  at.row += side(g, l->down);
  if (at.row < l->down->first + l->down->many * side(g, l->down)) return at;
  return (place){at.image + 1, l->down->first, at.column};
}

// first_tap is the kernel's first row that a phase of the result reads, and after it every step-th; or that reads a phase of the image.
static int64_t first_tap(const winograd* g, int64_t before, int64_t phase) {
  return g->spread ? ((before - phase) % g->step + g->step) % g->step : phase;
}

// first_row is the image's row that a phase's first window begins with.
static int64_t first_row(const winograd* g, int64_t before, int64_t phase) {
  return g->spread ? (phase + first_tap(g, before, phase) - before) / g->step : phase - before;
}

// BY_POINTS calls a function that is made for each number of taps, and of points down and to the right, constants there.
#define BY_POINTS(f, taps, down, right, ...)                \
  do {                                                      \
    if ((taps) == 3) f(3, 4, 4, __VA_ARGS__);               \
    else if ((down) == 3 && (right) == 3) f(2, 3, 3, __VA_ARGS__); \
    else if ((down) == 3) f(2, 3, 4, __VA_ARGS__);          \
    else if ((right) == 3) f(2, 4, 3, __VA_ARGS__);         \
    else f(2, 4, 4, __VA_ARGS__);                           \
  } while (0)

// kernel_at is where the transformed kernel of a phase, of a point and of a strip of columns begins: its rows, of the strip.
static float* kernel_at(const winograd* g, int64_t phase, int64_t point, int64_t j, int64_t rows) {
  return g->kernels + ((phase * square(g) + point) * g->c->out + j) * rows;
}

WIDE_CPU INLINE void kernel_rows(int taps, int down, int right, const float* of, int64_t tap, int64_t many, float* to, int64_t point) {
  for (int64_t k = 0; k < many; k += LANES) {
    __m512 all[MOST_POINTS * MOST_POINTS], half[MOST_POINTS * MOST_TAPS];
#pragma GCC unroll 9
    for (int i = 0; i < taps * taps; i++) all[i] = _mm512_load_ps(of + i * tap + k);
#pragma GCC unroll 3
    for (int j = 0; j < taps; j++) of_kernel(taps, down, all + j, taps, half + j, taps);
#pragma GCC unroll 4
    for (int i = 0; i < down; i++) of_kernel(taps, right, half + i * taps, 1, all + i * right, 1);
#pragma GCC unroll 16
    for (int i = 0; i < down * right; i++) _mm512_storeu_ps(to + i * point + k, all[i]);
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
  float* to = kernel_at(g, g->spread ? phase : 0, 0, j, g->deep) + ((g->spread ? 0 : phase * c->in) + n) * wide;
  BY_POINTS(kernel_rows, g->taps, g->down[0].points, g->right[0].points, taps[0], LANES * WIDE, LANES * wide, to, c->out * g->deep);
}

// transform_window makes the points of a window, of the channels from one to before another. Its pixels lie every step-th; they begin top and left
// of the tile's first result, and some may be beside the image.
WIDE_CPU INLINE void transform_window(int taps, int down, int right, const winograd* g, place at, int64_t top, int64_t left, int64_t from, int64_t end, float* to, int64_t point) {
  const convolution* c = g->c;
  int64_t step = g->spread ? 1 : g->step, row = step * at.row + top, column = step * at.column + left;
  const float* corner = c->x + ((at.image * c->height + row) * c->width + column) * c->in;
  int64_t line = step * c->width * c->in, pixel = step * c->in;
  __mmask16 rows[MOST_POINTS], columns[MOST_POINTS];  // those in the image
  for (int i = 0; i < down; i++) rows[i] = (uint64_t)(row + i * step) < (uint64_t)c->height ? 0xffff : 0;
  for (int j = 0; j < right; j++) columns[j] = (uint64_t)(column + j * step) < (uint64_t)c->width ? 0xffff : 0;
  for (int64_t n = from; n < end; n += LANES, to += LANES) {
    __m512 half[MOST_POINTS * MOST_POINTS];
#pragma GCC unroll 4
    for (int j = 0; j < right; j++) {
      __m512 x[MOST_POINTS];
#pragma GCC unroll 4
      for (int i = 0; i < down; i++) x[i] = _mm512_maskz_loadu_ps(rows[i] & columns[j], corner + n + i * line + j * pixel);
      of_window(down, x, 1, half + j, right);
    }
#pragma GCC unroll 4
    for (int i = 0; i < down; i++) {
      __m512 y[MOST_POINTS];
      of_window(right, half + i * right, 1, y, 1);
#pragma GCC unroll 4
      for (int j = 0; j < right; j++) _mm512_storeu_ps(to + (i * right + j) * point, y[j]);
    }
  }
}

// write_tile makes results, of a phase that begins top and left, from their products, of a strip of columns.
WIDE_CPU INLINE void write_tile(int taps, int down, int right, const winograd* g, place at, int64_t top, int64_t left, int64_t j, int64_t wide, const float* products, int64_t point) {
  const convolution* c = g->c;
  int64_t step = g->spread ? g->step : 1, row = step * at.row + top, column = step * at.column + left;
  int rows = down - taps + 1, columns = right - taps + 1;
  for (int64_t n = 0; n < wide; n += LANES) {
    __m512 half[MOST_RESULTS * MOST_POINTS];
#pragma GCC unroll 4
    for (int q = 0; q < right; q++) {
      __m512 p[MOST_POINTS];
#pragma GCC unroll 4
      for (int i = 0; i < down; i++) p[i] = _mm512_loadu_ps(products + (i * right + q) * point + n);
      to_tile(taps, down, p, 1, half + q, right);
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
      __m512 y[MOST_RESULTS];
      to_tile(taps, right, half + i * right, 1, y, 1);
      float* line = (float*)c->y + ((at.image * c->rows + row + i * step) * c->columns + column) * c->out + j + n;
#pragma GCC unroll 4
      for (int q = 0; q < columns; q++)
        if ((row + i * step < c->rows) & (column + q * step < c->columns)) _mm512_storeu_ps(line + q * step * c->out, y[q]);
    }
  }
}

// convolve makes a part of a convolution: some tiles of a phase of the result.
WIDE_CPU static void convolve(const void* of, int64_t number) {
  const winograd* g = of;
  const convolution* c = g->c;
  int64_t all = all_lots(g), made = number / all, point = g->lot * g->deep;
  lot l = lot_at(g, number % all);
  int64_t down = l.down->points, right = l.right->points;
  int room = takes_room(g);
  float *windows = g->rooms + room * g->room, *products = windows + square(g) * point;
  for (int64_t p = g->spread ? made : 0; p < (g->spread ? made + 1 : g->phases); p++) {
    int64_t top = first_row(g, c->top, p / g->step), left = first_row(g, c->left, p % g->step);
    place at = place_of(g, &l);
    for (int64_t t = 0; t < l.many; t++, at = after(g, &l, at))
      BY_POINTS(transform_window, g->taps, down, right, g, at, top, left, 0, c->in, windows + t * g->deep + (g->spread ? 0 : p * c->in), point);
  }
  for (int64_t j = 0; j < c->out; j += WIDE) {
    int64_t wide = least(c->out - j, WIDE);
    for (int64_t k = 0; k < down * right; k++) {
      strip b = {kernel_at(g, made, k / right * g->right[0].points + k % right, j, g->deep), g->deep, wide, 0xffff, 0};
      for (int64_t m = 0; m < l.many; m += TALL) {
        ahead next = {0};
        int rows = (int)least(TALL, l.many - m);
        BY_SHAPE(tile, rows, wide / LANES, (matrix){windows + k * point + m * g->deep, g->deep, 1}, b, products + (k * g->lot + m) * wide, NULL, wide, &next, 0);
      }
    }
    place at = place_of(g, &l);
    for (int64_t t = 0; t < l.many; t++, at = after(g, &l, at))
      BY_POINTS(write_tile, g->taps, down, right, g, at, made / g->step, made % g->step, j, wide, products + t * wide, g->lot * wide);
  }
  leaves_room(g, room);
}

// transform_tile makes the points of a tile, of a strip of columns.
WIDE_CPU INLINE void transform_tile(int taps, int down, int right, const winograd* g, place at, int64_t j, int64_t wide, float* to, int64_t point) {
  const convolution* c = g->c;
  int rows = down - taps + 1, columns = right - taps + 1;
  const float* from = c->y + ((at.image * c->rows + at.row) * c->columns + at.column) * c->out + j;
  for (int64_t n = 0; n < wide; n += LANES) {
    __m512 half[MOST_POINTS * MOST_RESULTS];
#pragma GCC unroll 4
    for (int q = 0; q < columns; q++) {
      __m512 y[MOST_RESULTS];
#pragma GCC unroll 4
      for (int i = 0; i < rows; i++)
        y[i] = (at.row + i < c->rows) & (at.column + q < c->columns) ? _mm512_loadu_ps(from + (i * c->columns + q) * c->out + n) : _mm512_setzero_ps();
      of_tile(taps, down, y, 1, half + q, columns);
    }
#pragma GCC unroll 4
    for (int i = 0; i < down; i++) {
      __m512 y[MOST_POINTS];
      of_tile(taps, right, half + i * columns, 1, y, 1);
#pragma GCC unroll 4
      for (int q = 0; q < right; q++) _mm512_storeu_ps(to + (i * right + q) * point + n, y[q]);
    }
  }
}

// correlate makes a part of the sums: of a phase of the image, of some channels and of a strip of columns.
WIDE_CPU static void correlate(const void* of, int64_t number) {
  const winograd* g = of;
  const convolution* c = g->c;
  int64_t blocks = (c->in + g->deep - 1) / g->deep, all = all_lots(g);
  int64_t j = number % c->strips * WIDE, low = number / c->strips % blocks * g->deep, phase = number / c->strips / blocks;
  int64_t wide = least(c->out - j, WIDE), deep = least(g->deep, c->in - low), point = g->lot * deep, result = g->lot * wide;
  int64_t top = first_row(g, c->top, phase / g->step), left = first_row(g, c->left, phase % g->step);
  int room = takes_room(g);
  float *windows = g->rooms + room * g->room, *results = windows + square(g) * point;
  for (int64_t some = 0; some < all; some++) {
    lot l = lot_at(g, some);
    int64_t down = l.down->points, right = l.right->points;
    place at = place_of(g, &l);
    for (int64_t t = 0; t < l.many; t++, at = after(g, &l, at)) {
      BY_POINTS(transform_window, g->taps, down, right, g, at, top, left, low, low + deep, windows + t * deep, point);
      BY_POINTS(transform_tile, g->taps, down, right, g, at, j, wide, results + t * wide, result);
    }
    for (int64_t k = 0; k < down * right; k++) {
      strip b = {results + k * result, l.many, wide, 0xffff, some > 0};
      float* to = kernel_at(g, phase, k / right * g->right[0].points + k % right, j, c->in) + low * wide;
      for (int64_t n = 0; n < deep; n += TALL) {
        ahead next = {0};
        int rows = (int)least(TALL, deep - n);
        BY_SHAPE(tile, rows, wide / LANES, (matrix){windows + k * point + n, 1, deep}, b, to + n * wide, NULL, wide, &next, 0);
      }
    }
  }
  leaves_room(g, room);
}

WIDE_CPU INLINE void kernel_of_sums(int taps, int down, int right, const winograd* g, const float* sums, int64_t point, int64_t step, float* to, int64_t phase) {
  const convolution* c = g->c;
  for (int64_t n = 0; n < LANES; n++)
    for (int64_t k = 0; k < step; k += LANES) {
      __m512 s[MOST_POINTS * MOST_POINTS], half[MOST_TAPS * MOST_POINTS], all[MOST_TAPS * MOST_TAPS];
#pragma GCC unroll 16
      for (int i = 0; i < down * right; i++) s[i] = _mm512_loadu_ps(sums + i * point + n * step + k);
#pragma GCC unroll 4
      for (int i = 0; i < right; i++) to_kernel(taps, down, s + i, right, half + i, right);
#pragma GCC unroll 3
      for (int i = 0; i < taps; i++) to_kernel(taps, right, half + i * right, 1, all + i * taps, 1);
#pragma GCC unroll 9
      for (int i = 0; i < taps * taps; i++)
        _mm512_storeu_ps(to + (((phase / g->step + i / taps * g->step) * c->wide + phase % g->step + i % taps * g->step) * c->in + n) * c->out + k, all[i]);
    }
}

// finish makes a part of the kernel from the sums: of a phase, of some channels and of a strip of columns.
WIDE_CPU static void finish(const void* of, int64_t number) {
  const winograd* g = of;
  const convolution* c = g->c;
  int64_t j = number % c->strips * WIDE, n = number / c->strips % (c->in / LANES) * LANES, phase = number / c->strips / (c->in / LANES);
  int64_t wide = least(c->out - j, WIDE);
  float* to = (float*)c->kernel + n * c->out + j;
  BY_POINTS(kernel_of_sums, g->taps, g->down[0].points, g->right[0].points, g, kernel_at(g, phase, 0, j, c->in) + n * wide, c->out * c->in, wide, to, phase);
}

// points_along is how many points the tiles of an axis have.
static int64_t points_along(const run of[2]) { return of[0].points * of[0].many + of[1].points * of[1].many; }

// described is how the algorithm computes a convolution, without its memory. It has no taps where it does not.
static winograd described(const convolution* c) {
  int64_t step = c->stride * c->dilation;
  winograd g = {.c = c, .step = step, .phases = step * step, .spread = c->dilation > 1};
  if (c->span > 1 || c->high != c->wide || c->high % step || (c->stride > 1 && c->dilation > 1) || c->in % LANES || c->out % LANES) return g;
  int64_t taps = c->high / step, across = g.spread ? step : 1;
  if (taps != 2 && taps != MOST_TAPS) return g;
  cut(taps, (c->rows + across - 1) / across, g.down);
  cut(taps, (c->columns + across - 1) / across, g.right);
  // A tile that is beside the result in part is computed all the same.
  int64_t products = points_along(g.down) * points_along(g.right) * across * across, direct = taps * taps * c->rows * c->columns;
  int64_t tiles = c->batch * (g.down[0].many + g.down[1].many) * (g.right[0].many + g.right[1].many);
  if (tiles >= FEWEST_TILES && 5 * products < 4 * direct) g.taps = taps;
  return g;
}

// in_rooms does both stages of the work, the second in rooms of its parts, and tells whether there was memory.
static int in_rooms(ffi_call* call, winograd* g, int64_t threads, void (*one)(const void*, int64_t), int64_t ones, void (*other)(const void*, int64_t), int64_t others) {
  threads = least(threads, 64);
  int64_t kernels = square(g) * g->phases * g->c->in * g->c->out;
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
  int64_t made = g.spread ? g.phases : 1, tiles = tiles_of(&g, &g.down[0], &g.right[0]);
  g.deep = g.spread ? c->in : g.phases * c->in;
  g.lot = ROOM / (square(&g) * g.deep) / TALL * TALL;
  g.lot = g.lot < 4 * TALL ? 4 * TALL : g.lot;
  g.lot = least(g.lot, (tiles * made / threads + TALL) / TALL * TALL);
  g.room = square(&g) * g.lot * (g.deep + WIDE);
  return in_rooms(call, &g, threads, transform, g.phases * (c->in / LANES) * c->strips, convolve, made * all_lots(&g));
}

int winograd_correlate(ffi_call* call, const convolution* c, int64_t threads) {
  winograd g = described(c);
  if (!g.taps) return 0;
  // Parts enough for all, each of which transforms its channels' windows, and all tiles of its strip.
  int64_t blocks = (c->in + MOST_DEEP - 1) / MOST_DEEP;
  while (threads > 1 && g.phases * c->strips * blocks < 2 * threads && blocks < c->in / LANES) blocks++;
  g.deep = ((c->in / LANES + blocks - 1) / blocks) * LANES;
  blocks = (c->in + g.deep - 1) / g.deep;
  g.lot = TOGETHER;
  g.room = square(&g) * g.lot * (g.deep + WIDE);
  return in_rooms(call, &g, threads, correlate, g.phases * c->strips * blocks, finish, g.phases * (c->in / LANES) * c->strips);
}

#endif
