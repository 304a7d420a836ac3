#pragma once

#include "convolution.h"

// winograd_convolve computes a convolution by Winograd's algorithm with up to so many threads and tells whether it did: not where the
// algorithm is none for that kernel, gains nothing, or finds no memory.
int winograd_convolve(ffi_call* call, const convolution* c, int64_t threads);

// winograd_correlate is the same for a correlation.
int winograd_correlate(ffi_call* call, const convolution* c, int64_t threads);
