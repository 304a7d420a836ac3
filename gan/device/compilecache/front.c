//go:build linux

#define _GNU_SOURCE

#include "crew.h"
#include "front.h"
#include "handlers.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"

// Of the one plugin that has the cache in front of it. They are set once, before its first client is made.
static pjrt_api* api;
static void* (*compile)(compile_args*);
static void* (*block)(event_await_args*);
static int able;  // whether the plugin has our handlers
static uintptr_t cache;

static void* call(int place, void* args) { return ((void* (*)(void*))api->functions[place])(args); }

// failed frees an error and tells whether there was one.
static int failed(void* error) {
  if (!error) return 0;
  error_destroy_args args = {.struct_size = sizeof args, .error = error};
  ((void (*)(void*))api->functions[ERROR_DESTROY])(&args);
  return 1;
}

void* front_load(void* client, const char* bytes, size_t size) {
  load_args args = {.struct_size = sizeof args, .client = client, .bytes = bytes, .bytes_size = size};
  return failed(call(EXECUTABLE_DESERIALIZE_AND_LOAD, &args)) ? NULL : args.loaded;
}

// on_cpu tells whether a client compiles for the processor: what is compiled for a GPU depends on more than the key holds.
static int on_cpu(void* client) {
  platform_name_args args = {.struct_size = sizeof args, .client = client};
  return !failed(call(CLIENT_PLATFORM_NAME, &args)) && args.name_size == 3 && !memcmp(args.name, "cpu", 3);
}

// store hands the serialised form of an executable to the cache.
static void store(void* loaded, key* of) {
  get_executable_args got = {.struct_size = sizeof got, .loaded = loaded};
  if (failed(call(LOADED_EXECUTABLE_GET_EXECUTABLE, &got))) return;
  serialize_args written = {.struct_size = sizeof written, .executable = got.executable};
  if (!failed(call(EXECUTABLE_SERIALIZE, &written))) {
    frontStore(cache, of, (void*)written.bytes, written.bytes_size);
    written.destroy(written.serialized);
  }
  executable_destroy_args gone = {.struct_size = sizeof gone, .executable = got.executable};
  failed(call(EXECUTABLE_DESTROY, &gone));
}

// Each option is an entry of env_option_overrides, field 7 of a CompileOptionsProto, that sets a flag for one program: to false, or to a number.

// XNNPACK's products keep the second operand packed, by its address, from one call to the next: with weights that change where they
// lie they would go on with those of the first step. Eigen's are as fast for steps.
//
// What a step needs beside its variables is cut into blocks of up to 48 MiB (0x3000000). From 64 MiB on, the size of glibc's heaps, a block would be
// mapped anew in each step and handed back, whatever the allocator is told: 23 000 page faults in DCGAN for 64×64 pixels.
static const char all_options[] = "\x3a\x19\x0a\x13" "xla_cpu_use_xnnpack" "\x12\x02\x10\x00"
                                  "\x3a\x2f\x0a\x26" "xla_multiheap_size_constraint_per_heap" "\x12\x05\x18\x80\x80\x80\x18";

// GoMLX draws the initial values of variables in a program of this name, which runs once. XLA's newer emitter of fused loops
// repeats a whole block of random bits for each of its numbers, so that the weights of mlp take 200 ms; the older one makes the
// same values, to the bit, in 18 ms, and is compiled in half the time. (Steps are as fast or faster by the newer one.)
static const char init_name[] = "@VariableInitialization";
static const char init_options[] = "\x3a\x21\x0a\x1b" "xla_cpu_use_fusion_emitters" "\x12\x02\x10\x00";

static int initialises(const program* code) {
  size_t head = code->code_size < 256 ? code->code_size : 256;
  return memmem(code->code, head, init_name, sizeof init_name - 1) != NULL;
}

// keep_or_load has a program compiled, or takes what the cache has of it.
static void* keep_or_load(compile_args* args) {
  key of;
  args->loaded = frontLoad(cache, args->client, args->program->code, args->program->code_size, (void*)args->options,
                           args->options_size, &of);
  if (args->loaded) return NULL;
  void* error = compile(args);
  if (!error) store(args->loaded, &of);
  return error;
}

static int ready(void* event) {
  event_is_ready_args args = {.struct_size = offsetof(event_is_ready_args, ready) + sizeof args.ready, .event = event};
  return failed(call(EVENT_IS_READY, &args)) || args.ready;
}

// help_or_await stands in the place of PJRT_Event_Await.
static void* help_or_await(event_await_args* args) {
  crew_wait(ready, args->event);
  return block(args);
}

// compile_or_load stands in the place of PJRT_Client_Compile. It completes the program and its options. A plugin that does not
// take them gets both as they came.
static void* compile_or_load(compile_args* args) {
  if (!on_cpu(args->client)) return compile(args);
  if (able) api->functions[EVENT_AWAIT] = help_or_await;
  compile_args given = *args;
  size_t more = sizeof all_options - 1, most = more + sizeof init_options - 1;
  char* options = malloc(given.options_size + most);
  if (!options) return compile(args);
  memcpy(options, given.options, given.options_size); // protobuf merges what stands one after the other
  memcpy(options + given.options_size, all_options, more);
  if (initialises(given.program)) {
    memcpy(options + given.options_size + more, init_options, sizeof init_options - 1);
    more = most;
  }
  program in_place = *given.program;
  in_place.code = frontProgram(cache, given.program->code, given.program->code_size, &in_place.code_size);
  args->options = options;
  args->options_size = given.options_size + more;
  args->program = &in_place;
  int refused = failed(keep_or_load(args));
  args->options = given.options;
  args->options_size = given.options_size;
  args->program = given.program;
  free(in_place.code);
  free(options);
  return refused ? compile(args) : NULL;
}

// take_handlers registers the handlers of our own, and tells whether the plugin has them now.
static int take_handlers(void) {
  ffi_extension* e = api->extensions;
  while (e && e->type != PJRT_FFI) e = e->next;
  if (!e || e->struct_size < offsetof(pjrt_ffi, functions) + (PJRT_FFI_REGISTER + 1) * sizeof(void*)) return 0;
  void* (*enter)(ffi_register_args*) = ((pjrt_ffi*)e)->functions[PJRT_FFI_REGISTER];
  for (const handler* h = handlers; h->name; h++) {
    ffi_register_args args = {.name = h->name, .name_size = strlen(h->name), .handler = h->call, .platform = "Host", .platform_size = 4};
    args.struct_size = offsetof(ffi_register_args, traits) + sizeof args.traits;
    if (failed(enter(&args))) return 0;
  }
  return 1;
}

const char* front_put(const char* plugin, uintptr_t to, int wide, int* ours) {
  *ours = 0;
  if (api) return NULL;
  void* library = dlopen(plugin, RTLD_LAZY | RTLD_LOCAL);
  if (!library) return dlerror();
  pjrt_api* (*table)(void) = dlsym(library, "GetPjrtApi");
  if (!table) return dlerror();
  pjrt_api* found = table();
  if (found->version.major != 0 ||
      found->struct_size < offsetof(pjrt_api, functions) + (EXECUTABLE_DESERIALIZE_AND_LOAD + 1) * sizeof(void*))
    return "the plugin speaks another version of the PJRT C API";
  cache = to;
  compile = found->functions[CLIENT_COMPILE];
  found->functions[CLIENT_COMPILE] = compile_or_load;
  block = found->functions[EVENT_AWAIT];
  api = found;
  *ours = able = wide && take_handlers();
  return NULL;
}
