#pragma once

#include "ffi.h"

// The handlers of a convolution (of images and a kernel) and of a correlation (of images and a convolution's result). Their attribute is an
// array of 64-bit numbers: stride, dilation, zeros on top and on the left, whether the kernel's pixels are flipped, and whether its
// channels are turned, [high, wide, out, in].
void* convolution_call(ffi_call* call);
void* correlation_call(ffi_call* call);
