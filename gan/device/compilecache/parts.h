#pragma once

#include "ffi.h"

// threads_of is how many threads a call of so many multiplications is worth: those that XLA has for it, or one.
int64_t threads_of(ffi_call* call, int64_t size);

// parts_of is up to how many parts work of so many multiplications is worth to be cut into, for so many threads.
int64_t parts_of(int64_t threads, int64_t size);

// in_parts does parts 0 to parts-1 of something, each by itself, with the help of XLA's threads where there are more than one. It returns when
// all are done.
void in_parts(ffi_call* call, int64_t threads, void (*part)(const void* of, int64_t number), const void* of, int64_t parts);

// small_threads_of and in_small_parts do the same in a program that is small in all of its parts, with the help of the crew (crew.h), which
// is worth it earlier.
int64_t small_threads_of(ffi_call* call, int64_t size);
void in_small_parts(ffi_call* call, int64_t threads, void (*part)(const void* of, int64_t number), const void* of, int64_t parts);

// help does parts of what was begun so, until none is left.
void help(void* begun);
