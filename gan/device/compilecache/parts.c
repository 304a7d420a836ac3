//go:build linux

// Work in parts, which whoever is free takes one after the other. The caller works too, so nothing can wait for ever.

#include "parts.h"
#include "crew.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

// job is what is done in parts. Who holds it last frees it. Who comes late finds no part left and does not look at what it is of, which
// is gone by then.
typedef struct {
  unsigned modes;  // of the caller's arithmetic, such as what becomes of denormal numbers
  void (*part)(const void* of, int64_t number);
  const void* of;
  int64_t parts;
  _Atomic int64_t next, done;
  _Atomic int holders;
} job;

static void work(job* j) {
  for (int64_t p; (p = atomic_fetch_add(&j->next, 1)) < j->parts; atomic_fetch_add(&j->done, 1)) j->part(j->of, p);
}

static void let_go(job* j) {
  if (atomic_fetch_sub(&j->holders, 1) == 1) free(j);
}

void help(void* data) {
  unsigned before = _mm_getcsr();
  _mm_setcsr(((job*)data)->modes);
  work(data);
  _mm_setcsr(before);
  let_go(data);
}

// ask asks XLA's threads for help, and returns how many it asked.
static int64_t ask(ffi_call* call, int64_t helpers, job* j) {
  void* (*schedule)(ffi_schedule_args*) = call->api->functions[FFI_SCHEDULE];
  for (int64_t i = 0; i < helpers; i++) {
    ffi_schedule_args args = {.struct_size = sizeof args, .context = call->context, .task = help, .data = j};
    if (schedule(&args)) return i;  // no threads
  }
  return helpers;
}

static void shared(ffi_call* call, int crew, int64_t threads, void (*part)(const void*, int64_t), const void* of, int64_t parts) {
  int64_t helpers = (threads < parts ? threads : parts) - 1;
  job* j = helpers > 0 ? malloc(sizeof *j) : NULL;
  if (!j) {
    for (int64_t p = 0; p < parts; p++) part(of, p);
    return;
  }
  *j = (job){.modes = _mm_getcsr(), .part = part, .of = of, .parts = parts};
  atomic_init(&j->next, 0);
  atomic_init(&j->done, 0);
  atomic_init(&j->holders, 1 + helpers);
  int64_t asked = crew ? crew_call(helpers, j) : ask(call, helpers, j);
  atomic_fetch_sub(&j->holders, helpers - asked);
  work(j);
  if (crew) atomic_fetch_sub(&j->holders, crew_recall(j));
  for (int spins = 0; atomic_load(&j->done) < j->parts; spins++)
    if (spins < 2000) _mm_pause();
    else sched_yield();
  let_go(j);
}

void in_parts(ffi_call* call, int64_t threads, void (*part)(const void*, int64_t), const void* of, int64_t parts) {
  shared(call, 0, threads, part, of, parts);
}

void in_small_parts(ffi_call* call, int64_t threads, void (*part)(const void*, int64_t), const void* of, int64_t parts) {
  shared(call, 1, threads, part, of, parts);
}

enum { SMALL = 1 << 22 };  // multiplications that one thread does alone, forty microseconds

int64_t parts_of(int64_t threads, int64_t size) {
  if (threads == 1) return 1;
  int64_t worth = size / (SMALL / 4);
  return worth < 4 * threads ? worth : 4 * threads;
}

static int64_t threads_from(ffi_call* call, int64_t least, int64_t size) {
  int64_t threads = 1;
  if (size < least) return threads;
  ffi_threads_args args = {.struct_size = sizeof args, .context = call->context, .threads = &threads};
  return ((void* (*)(ffi_threads_args*))call->api->functions[FFI_THREADS])(&args) ? 1 : threads;
}

int64_t threads_of(ffi_call* call, int64_t size) { return threads_from(call, SMALL, size); }

int64_t small_threads_of(ffi_call* call, int64_t size) { return threads_from(call, SMALL / 4, size); }

#endif
