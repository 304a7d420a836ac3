#pragma once

#include "ffi.h"

// The handlers of products, by the axes of both matrices that are summed over.
void* product00(ffi_call* call);
void* product01(ffi_call* call);
void* product10(ffi_call* call);
void* product11(ffi_call* call);

// The same of a program that is small in all of its parts.
void* small_product00(ffi_call* call);
void* small_product01(ffi_call* call);
void* small_product10(ffi_call* call);
void* small_product11(ffi_call* call);
