#pragma once

// The part of the PJRT C API that the cache uses. The API is xla/pjrt/c/pjrt_c_api.h of https://github.com/openxla/xla; within
// one major version its structures and its table of functions only grow at their ends.

#include <stddef.h>
#include <stdint.h>

typedef struct {
  size_t struct_size;
  void* extensions;
  struct {
    size_t struct_size;
    void* extensions;
    int major, minor;
  } version;
  void* functions[];
} pjrt_api;

// Places of the functions in the table.
enum {
  ERROR_DESTROY = 0,
  EVENT_IS_READY = 6,
  EVENT_AWAIT = 8,
  CLIENT_PLATFORM_NAME = 12,
  CLIENT_COMPILE = 20,
  EXECUTABLE_DESTROY = 40,
  EXECUTABLE_SERIALIZE = 49,
  LOADED_EXECUTABLE_GET_EXECUTABLE = 51,
  EXECUTABLE_DESERIALIZE_AND_LOAD = 56,
};

typedef struct {
  size_t struct_size;
  void* extensions;
  void* error;
} error_destroy_args;

typedef struct {
  size_t struct_size;
  void* extensions;
  void* event;
} event_await_args;

typedef struct {
  size_t struct_size;
  void* extensions;
  void* event;
  _Bool ready;  // out
} event_is_ready_args;

typedef struct {
  size_t struct_size;
  void* extensions;
  void* client;
  const char* name;  // out
  size_t name_size;  // out
} platform_name_args;

typedef struct {
  size_t struct_size;
  void* extensions;
  char* code;
  size_t code_size;
  const char* format;
  size_t format_size;
} program;

typedef struct {
  size_t struct_size;
  void* extensions;
  void* client;
  const program* program;
  const char* options;
  size_t options_size;
  void* loaded;  // out
} compile_args;

typedef struct {
  size_t struct_size;
  void* extensions;
  void* loaded;
  void* executable;  // out
} get_executable_args;

typedef struct {
  size_t struct_size;
  void* extensions;
  void* executable;
} executable_destroy_args;

typedef struct {
  size_t struct_size;
  void* extensions;
  void* executable;
  const char* bytes;         // out
  size_t bytes_size;         // out
  void* serialized;          // out
  void (*destroy)(void*);    // out
} serialize_args;

typedef struct {
  size_t struct_size;
  void* extensions;
  void* client;
  const char* bytes;
  size_t bytes_size;
  void* loaded;  // out
  const char* options;
  size_t options_size;
} load_args;

// front_put puts the cache in front of a plugin's compiler, and has the plugin call functions of ours where the processor is wide enough, which
// ours then tells: on a CPU who waits for an event helps with products meanwhile (crew.h). It returns NULL, or why it could not.
const char* front_put(const char* plugin, uintptr_t cache, int wide, int* ours);

// front_load makes an executable of its serialised form, or returns NULL.
void* front_load(void* client, const char* bytes, size_t size);
