#pragma once

#include "ffi.h"

// convolution is a convolution or a correlation by its operands and its geometry.
typedef struct {
  const float *x, *kernel, *y;  // the one that is made is written to
  int64_t batch, height, width, in, rows, columns, out, high, wide;
  int64_t stride, dilation, top, left;
  int64_t span, pixels;        // pixels of the image that are read at once; numbers of one. in is their product
  int flipped, turned;         // the kernel's pixels in the opposite order; its channels out first
  int64_t strips, each, lots;  // strips of the result's columns; rows or taps of a part, and parts beside each other
} convolution;

// The handlers of a convolution (of images and a kernel) and of a correlation (of images and a convolution's result). Their attribute is an
// array of 64-bit numbers: stride, dilation, zeros on top and on the left, whether the kernel's pixels are flipped, and whether its
// channels are turned, [high, wide, out, in].
void* convolution_call(ffi_call* call);
void* correlation_call(ffi_call* call);
