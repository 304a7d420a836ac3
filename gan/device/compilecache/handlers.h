#pragma once

#include "ffi.h"

// handler is one of the functions that XLA calls, by the name that programs call it by. The number in it grows with each change of what
// the function takes or gives, so that executables of before are not loaded.
typedef struct {
  const char* name;
  void* (*call)(ffi_call*);
} handler;

// handlers are all there are, for processors that package wide calls able, with one without a name at their end.
extern const handler handlers[];
