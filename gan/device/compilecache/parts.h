#pragma once

#include "ffi.h"

// threads_of is how many threads XLA has for a call.
int64_t threads_of(ffi_call* call);

enum { SMALL = 1 << 22 };  // multiplications that one thread does alone, forty microseconds

// in_parts does parts 0 to parts-1 of something, each by itself, with the help of XLA's threads where there are helpers. It returns when
// all are done.
void in_parts(ffi_call* call, int64_t helpers, void (*part)(const void* of, int64_t number), const void* of, int64_t parts);
