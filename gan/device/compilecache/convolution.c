//go:build linux

// Convolutions of images, float32 with channels last, in the place of Eigen's: products with windows that are read where they lie. What is
// beside the image is read from a place of zeros. Of few channels a row of the window is read at once, as if its pixels were channels.
//
//   convolution: y[b, r, c, o] = Σ x[b, (r·stride + i - top) / dilation, (c·stride + j - left) / dilation, n] · kernel[i, j, n, o]
//   over the i and j with whole quotients, as if dilation-1 zeros lay between pixels (a transposed convolution);
//   correlation: kernel[i, j, n, o] = Σ x[b, r·stride + i - top, c·stride + j - left, n] · y[b, r, c, o].

#include "convolution.h"
#include "parts.h"
#include "winograd.h"

#if defined(__x86_64__)

#include "tile.h"

// beside is what is read beside an image, up to DEEP channels of it.
static const float beside[DEEP];

// place is where the window of a pixel begins: the image's pixel there, if there is one.
typedef struct {
  const float* x;
  int64_t row, column;
} place;

// offset is from where a window begins to a pixel in it.
typedef struct {
  int64_t x, row, column;
} offset;

INLINE place begins(const convolution* c, int64_t image, int64_t row, int64_t column) {
  row *= c->stride;
  column *= c->stride;
  return (place){c->x + ((image * c->height + row) * c->width + column) * c->pixels, row, column};
}

INLINE offset by(const convolution* c, int64_t row, int64_t column) { return (offset){(row * c->width + column) * c->pixels, row, column}; }

// MOST is how many numbers are read at once where that is more than a pixel.
enum { MOST = 64 };

// partly is pixels that are read at once and lie only partly in the image, with zeros for the others.
static const float* partly(const convolution* c, place p, offset o, float* edge) {
  for (int64_t k = 0; k < c->span; k++)
    for (int64_t n = 0; n < c->pixels; n++)
      edge[k * c->pixels + n] = (uint64_t)(p.column + o.column + k) < (uint64_t)c->width ? p.x[o.x + k * c->pixels + n] : 0;
  return edge;
}

// pixel is the pixel there, or what stands for one that is beside the image. edge has room for pixels that are read at once.
INLINE const float* pixel(const convolution* c, place p, offset o, const float* outside, float* edge) {
  if ((uint64_t)(p.row + o.row) >= (uint64_t)c->height) return outside;
  if (((uint64_t)(p.column + o.column) < (uint64_t)c->width) & (p.column + o.column + c->span <= c->width)) return p.x + o.x;
  return c->span == 1 ? outside : partly(c, p, o, edge);
}

// windows makes rows of the result from windows that begin anywhere: `each` channels of each of `taps` pixels.
WIDE_CPU INLINE void windows(int rows, int vectors, const float* const (*from)[TALL], int64_t taps, int64_t each, strip b, float* const* to) {
  sums s;
  begin(rows, vectors, s, to);
  const float* y = b.data;
  for (int64_t t = 0; t < taps; t++) {
    const float* x[TALL];
    for (int i = 0; i < rows; i++) x[i] = from[t][i];
    for (int64_t k = 0; k < each; k++, y += b.step) ADD(rows, vectors, s, b.last, y, x[i][k]);
  }
  end(rows, vectors, s, b, to);
}

// convolve makes a part of a convolution: pixels of one phase, and a strip of their channels. A phase is made of the pixels that the same
// pixels of the kernel reach: all, without dilation.
WIDE_CPU static void convolve(const void* of, int64_t number) {
  const convolution* c = of;
  int64_t j = number % c->strips * WIDE, lot = number / c->strips % c->lots, phase = number / c->strips / c->lots, d = c->dilation;
  int64_t down = phase / d, right = phase % d;
  int64_t rows = (c->rows - down + d - 1) / d, columns = (c->columns - right + d - 1) / d, size = rows * columns;
  int64_t first = lot * c->each, last = least(first + c->each, c->batch * size);
  if (first >= last) return;
  // The kernel's pixels of this phase, and where they look.
  int64_t low = ((c->top - down) % d + d) % d, start = ((c->left - right) % d + d) % d;
  int64_t across = (c->wide - start + d - 1) / d, taps = (c->high - low + d - 1) / d * across;

  float packed[DEEP * WIDE] __attribute__((aligned(64)));  // 64 KiB
  const float* from[DEEP][TALL];
  offset offsets[DEEP];
  float edges[TALL * DEEP];
  int wide = (int)least(c->out - j, WIDE), vectors = (wide + LANES - 1) / LANES;
  int64_t channels = least(c->in, DEEP), several = DEEP / channels;
  for (int64_t t = 0; t < taps; t += several)
    for (int64_t k = 0; k < c->in; k += channels) {
      int64_t n = least(several, taps - t), each = least(channels, c->in - k), step = LANES * vectors;
      for (int64_t tap = t; tap < t + n; tap++) {
        int64_t ky = low + tap / across * d, kx = start + tap % across * d;
        if (c->flipped) ky = c->high - 1 - ky, kx = c->wide - 1 - kx;
        offsets[tap - t] = by(c, (down + low + tap / across * d - c->top) / d, (right + start + tap % across * d - c->left) / d);
        offsets[tap - t].x += k;
        const float* weights = c->kernel + (ky * c->wide + kx) * c->in * c->out;
        pack(c->turned ? (matrix){weights + j * c->in + k, 1, c->in} : (matrix){weights + k * c->out + j, c->out, 1}, each, wide, packed + (tap - t) * each * step);
      }
      strip b = {packed, n * each, step, (__mmask16)(0xffff >> (step - wide)), t > 0 || k > 0};
      int64_t image = first / size, row = first % size / columns, column = first % columns;
      for (int64_t m = first; m < last; m += TALL) {
        int many = (int)least(TALL, last - m);
        float* to[TALL];
        for (int i = 0; i < many; i++) {
          place p = begins(c, image, row, column);
          for (int64_t tap = 0; tap < n; tap++) from[tap][i] = pixel(c, p, offsets[tap], beside, edges + (i * n + tap) * each);
          to[i] = (float*)c->y + ((image * c->rows + down + row * d) * c->columns + right + column * d) * c->out + j;
          if (++column == columns) {
            column = 0;
            if (++row == rows) row = 0, image++;
          }
        }
        BY_SHAPE(windows, many, vectors, from, n, each, b, to);
      }
    }
}

// summed makes rows of the result, channels of x, from pixels of x and of y that lie anywhere.
WIDE_CPU INLINE void summed(int rows, int vectors, const float* const* x, const float* const* y, int64_t channel, strip b, float* const* to) {
  sums s;
  begin(rows, vectors, s, to);
  for (int64_t k = 0; k < b.deep; k++) {
    const float* pixel = x[k] + channel;
    ADD(rows, vectors, s, b.last, y[k], pixel[i]);
  }
  end(rows, vectors, s, b, to);
}

// correlate makes a part of a correlation: pixels of the kernel, and a strip of their channels.
WIDE_CPU static void correlate(const void* of, int64_t number) {
  const convolution* c = of;
  int64_t j = number % c->strips * WIDE, first = number / c->strips * c->each, last = least(first + c->each, c->high * c->wide);
  int64_t pixels = c->batch * c->rows * c->columns, image = 0, row = 0, column = 0;
  float packed[DEEP * WIDE] __attribute__((aligned(64)));  // 64 KiB
  int wide = (int)least(c->out - j, WIDE), vectors = (wide + LANES - 1) / LANES;
  for (int64_t m = 0; m < pixels; m += DEEP) {
    int64_t n = least(DEEP, pixels - m), step = LANES * vectors;
    const float* rows = c->y + m * c->out + j;
    if (wide < c->out) {
      pack((matrix){rows, c->out, 1}, n, wide, packed);
      rows = packed;
    } else {
      step = c->out;
    }
    place places[DEEP];
    for (int64_t k = 0; k < n; k++) {
      places[k] = begins(c, image, row, column);
      if (++column == c->columns) {
        column = 0;
        if (++row == c->rows) row = 0, image++;
      }
    }
    for (int64_t tap = first; tap < last; tap++) {
      const float *x[DEEP], *y[DEEP];
      float edges[DEEP][MOST];
      strip b = {.last = (__mmask16)(0xffff >> (LANES * vectors - wide)), .more = m > 0};
      offset o = by(c, tap / c->wide - c->top, tap % c->wide - c->left);
      for (int64_t k = 0; k < n; k++) {
        const float* found = pixel(c, places[k], o, NULL, edges[k]);
        x[b.deep] = found;
        y[b.deep] = rows + k * step;
        b.deep += found != NULL;
      }
      for (int64_t channel = 0; channel < c->in; channel += TALL) {
        int many = (int)least(TALL, c->in - channel);
        float* to[TALL];
        for (int i = 0; i < many; i++) to[i] = (float*)c->kernel + (tap * c->in + channel + i) * c->out + j;
        BY_SHAPE(summed, many, vectors, x, y, channel, b, to);
      }
    }
  }
}

// spread makes a part of a transposed convolution with few channels: some images. The products of each pixel of x with the whole kernel
// are added up where they overlap, a row of the kernel at once.
WIDE_CPU static void spread(const void* of, int64_t number) {
  const convolution* c = of;
  int64_t wide = c->wide * c->out, all = c->high * wide, step = (all + LANES - 1) / LANES * LANES;  // of products
  float packed[DEEP * WIDE] __attribute__((aligned(64))), products[c->width * step] __attribute__((aligned(64)));
  for (int64_t image = number * c->each; image < least((number + 1) * c->each, c->batch); image++) {
    float* to = (float*)c->y + image * c->rows * c->columns * c->out;
    for (int64_t i = 0; i < c->rows * c->columns * c->out; i++) to[i] = 0;
    for (int64_t row = 0; row < c->height; row++) {
      const float* x = c->x + (image * c->height + row) * c->width * c->in;
      for (int64_t k = 0; k < c->in; k += DEEP) {
        int64_t deep = least(DEEP, c->in - k);
        if (c->in > DEEP || (image == number * c->each && row == 0)) pack((matrix){c->kernel + k, 1, c->in}, deep, (int)all, packed);
        strip b = {packed, deep, step, (__mmask16)(0xffff >> (step - all)), k > 0};
        for (int64_t m = 0; m < c->width; m += TALL) {
          int many = (int)least(TALL, c->width - m);
          const float* from[1][TALL];
          float* lines[TALL];
          for (int i = 0; i < many; i++) from[0][i] = x + (m + i) * c->in + k, lines[i] = products + (m + i) * step;
          BY_SHAPE(windows, many, step / LANES, from, 1, deep, b, lines);
        }
      }
      for (int64_t ky = 0; ky < c->high; ky++) {
        int64_t at = c->dilation * row + c->top - c->high + 1 + ky, begin = (c->left - c->wide + 1) * c->out;
        if ((uint64_t)at >= (uint64_t)c->rows) continue;
        float *line = to + at * c->columns * c->out, *p = products + ky * wide;
        for (int64_t m = 0; m < c->width; m++, begin += c->dilation * c->out, p += step) {
          int64_t low = begin < 0 ? -begin : 0, high = least(wide, c->columns * c->out - begin);
          if (low >= high) continue;
          __mmask16 lanes = (__mmask16)((0xffff << low) & (0xffff >> (LANES - high)));
          __m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, line + begin), _mm512_maskz_loadu_ps(lanes, p));
          _mm512_mask_storeu_ps(line + begin, lanes, sum);
        }
      }
    }
  }
}

// described is a convolution by its operands and its geometry, an attribute of the call.
static convolution described(ffi_call* call, ffi_buffer* x, ffi_buffer* kernel, ffi_buffer* y) {
  const int64_t* g = ((ffi_array*)call->attributes.values[0])->data;
  convolution c = {
      .x = x->data, .kernel = kernel->data, .y = y->data,
      .batch = x->dims[0], .height = x->dims[1], .width = x->dims[2], .in = x->dims[3],
      .rows = y->dims[1], .columns = y->dims[2], .out = y->dims[3], .high = kernel->dims[0], .wide = kernel->dims[1],
      .stride = g[0], .dilation = g[1], .top = g[2], .left = g[3], .flipped = g[4] != 0, .turned = g[5] != 0,
      .strips = (y->dims[3] + WIDE - 1) / WIDE, .span = 1, .pixels = x->dims[3]};
  if (c.in < 8 && c.in * c.wide <= MOST && c.dilation == 1 && !c.flipped && !c.turned) {
    c.span = c.wide;
    c.in *= c.wide;
    c.wide = 1;
  }
  return c;
}

// SHORT is up to how many pixels a row has whose products are kept.
enum { SHORT = 256 };

// multiplications are how many a convolution is made of.
static int64_t multiplications(const convolution* c) {
  return c->batch * c->rows * c->columns * c->in * c->out * c->high * c->wide / c->dilation / c->dilation;
}

void* convolution_call(ffi_call* call) {
  convolution c = described(call, call->arguments.buffers[0], call->arguments.buffers[1], call->results.buffers[0]);
  int64_t size = multiplications(&c), threads = threads_of(call, size), most = parts_of(threads, size);
  if (c.dilation > 1 && c.out * c.wide <= LANES && c.out * c.wide * c.high <= WIDE && c.flipped && c.turned && c.width <= SHORT) {
    int64_t parts = least(most, c.batch);
    c.each = (c.batch + parts - 1) / parts;
    in_parts(call, threads, spread, &c, parts);
    return NULL;
  }
  if (winograd_convolve(call, &c, threads)) return NULL;
  int64_t phases = c.dilation * c.dilation;
  int64_t largest = c.batch * ((c.rows + c.dilation - 1) / c.dilation) * ((c.columns + c.dilation - 1) / c.dilation);
  c.lots = (most + c.strips * phases - 1) / (c.strips * phases);
  c.each = ((largest + c.lots - 1) / c.lots + TALL - 1) / TALL * TALL;
  in_parts(call, threads, convolve, &c, c.strips * phases * c.lots);
  return NULL;
}

void* correlation_call(ffi_call* call) {
  convolution c = described(call, call->arguments.buffers[0], call->results.buffers[0], call->arguments.buffers[1]);
  int64_t size = multiplications(&c), threads = threads_of(call, size), taps = c.high * c.wide;
  if (winograd_correlate(call, &c, threads)) return NULL;
  c.lots = least((parts_of(threads, size) + c.strips - 1) / c.strips, taps);
  c.each = (taps + c.lots - 1) / c.lots;
  c.lots = (taps + c.each - 1) / c.each;
  in_parts(call, threads, correlate, &c, c.strips * c.lots);
  return NULL;
}

#endif
