#pragma once

// The part of XLA's C API for calls of one's own that is used here: xla/ffi/api/c_api.h of https://github.com/openxla/xla, version
// 0.1. Structures only grow at their ends.

#include <stddef.h>
#include <stdint.h>

typedef struct ffi_extension {
  size_t struct_size;
  int type;
  struct ffi_extension* next;
} ffi_extension;

enum { FFI_METADATA = 1 };  // type of an extension

typedef struct {
  ffi_extension base;
  struct {
    size_t struct_size;
    struct {
      size_t struct_size;
      ffi_extension* extensions;
      int major, minor;
    } version;
    uint32_t traits;
  }* metadata;
} ffi_metadata;

typedef struct {
  size_t struct_size;
  ffi_extension* extensions;
  int dtype;
  void* data;
  int64_t rank;
  int64_t* dims;
} ffi_buffer;

typedef struct {
  size_t struct_size;
  ffi_extension* extensions;
  int64_t size;
  int* types;
  ffi_buffer** buffers;
} ffi_buffers;

// ffi_attributes are a call's own; one that is an array of numbers is an ffi_array.
typedef struct {
  size_t struct_size;
  ffi_extension* extensions;
  int64_t size;
  int* types;
  void** names;
  void** values;
} ffi_attributes;

typedef struct {
  int dtype;
  size_t size;
  void* data;
} ffi_array;

typedef struct {
  size_t struct_size;
  ffi_extension* extensions;
  struct {
    size_t struct_size;
    ffi_extension* extensions;
    int major, minor;
  } version;
  const void* internal;
  void* functions[];
} ffi_api;

// Places of the functions in the table.
enum { FFI_SCHEDULE = 11, FFI_THREADS = 12 };

typedef struct {
  size_t struct_size;
  ffi_extension* extensions;
  const ffi_api* api;
  void* context;
  int stage;
  ffi_buffers arguments, results;
  ffi_attributes attributes;
} ffi_call;

typedef struct {
  size_t struct_size;
  ffi_extension* extensions;
  void* context;
  void (*task)(void*);
  void* data;
} ffi_schedule_args;

typedef struct {
  size_t struct_size;
  ffi_extension* extensions;
  void* context;
  int64_t* threads;  // out
} ffi_threads_args;

// The plugin's extension for calls of one's own.
typedef struct {
  size_t struct_size;
  const char* name;
  size_t name_size;
  void* (*handler)(ffi_call*);
  const char* platform;
  size_t platform_size;
  int traits;
} ffi_register_args;

enum { PJRT_FFI = 5, PJRT_FFI_REGISTER = 2 };

typedef struct {
  ffi_extension base;
  void* functions[];
} pjrt_ffi;
