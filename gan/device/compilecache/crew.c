//go:build linux

// Threads that share products. XLA's own sleep as soon as they have nothing to do, and waking one takes longer than a product of
// a small network does. These wait a while for the next before they sleep, and let others go first meanwhile.

#define _GNU_SOURCE

#include "crew.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 60000, MOST = 63 };  // nanoseconds of waiting; threads

// offer is work that is under way, on the stack of who brought it.
typedef struct offer {
  void (*task)(void*);
  void* data;
  int places;          // for helpers, under the lock
  _Atomic int inside;  // helpers
  struct offer* next;
} offer;

// Of the one crew of a process. It is made by the first who has work.
static struct {
  pthread_once_t once;
  int threads;
  atomic_flag lock;
  offer* offers;
  _Atomic int open;       // offers with places
  _Atomic int asleep;
  _Atomic uint32_t bell;  // what sleepers wait for to change
} crew = {.once = PTHREAD_ONCE_INIT, .lock = ATOMIC_FLAG_INIT};

static void pause_once(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static void lock(void) {
  for (int spins = 0; atomic_flag_test_and_set_explicit(&crew.lock, memory_order_acquire);)
    if (++spins % 64) pause_once();
    else sched_yield();  // its holder may not be running
}

static void unlock(void) { atomic_flag_clear_explicit(&crew.lock, memory_order_release); }

// enter takes a place of an offer, or returns NULL.
static offer* enter(void) {
  if (!atomic_load(&crew.open)) return NULL;
  lock();
  offer* o = crew.offers;
  while (o && !o->places) o = o->next;
  if (o) {
    if (!--o->places) atomic_fetch_sub(&crew.open, 1);
    atomic_fetch_add(&o->inside, 1);
  }
  unlock();
  return o;
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void* help(void* none) {
  for (int64_t since = now();;) {
    uint32_t rung = atomic_load(&crew.bell);
    offer* o = enter();
    if (o) {
      o->task(o->data);
      atomic_fetch_sub(&o->inside, 1);  // the last that is done with it
      since = now();
      continue;
    }
    if (now() - since < PATIENCE) {
      for (int i = 0; i < 32 && !atomic_load_explicit(&crew.open, memory_order_relaxed); i++) pause_once();
      sched_yield();
      continue;
    }
    atomic_fetch_add(&crew.asleep, 1);
    if (!atomic_load(&crew.open)) syscall(SYS_futex, &crew.bell, FUTEX_WAIT_PRIVATE, rung, NULL);
    atomic_fetch_sub(&crew.asleep, 1);
    since = now();
  }
  return none;
}

// gather starts a thread for each processor that this process may use, but one. They end with the process, and hear no signals.
static void gather(void) {
  cpu_set_t processors;
  int wanted = sched_getaffinity(0, sizeof processors, &processors) ? 0 : CPU_COUNT(&processors) - 1;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int i = 0; i < wanted && i < MOST; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, help, NULL)) break;
    pthread_detach(thread);
    crew.threads++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void crew_run(void (*task)(void*), void* data, int helpers, int wake) {
  if (helpers > 0) pthread_once(&crew.once, gather);
  if (helpers > crew.threads) helpers = crew.threads;
  if (helpers <= 0) {
    task(data);
    return;
  }
  offer o = {.task = task, .data = data, .places = helpers};
  lock();
  o.next = crew.offers;
  crew.offers = &o;
  atomic_fetch_add(&crew.open, 1);
  unlock();
  if (wake && atomic_load(&crew.asleep)) {
    atomic_fetch_add(&crew.bell, 1);
    syscall(SYS_futex, &crew.bell, FUTEX_WAKE_PRIVATE, helpers, NULL, NULL, 0);
  }
  task(data);
  lock();
  offer** at = &crew.offers;
  while (*at != &o) at = &(*at)->next;
  *at = o.next;
  if (o.places) atomic_fetch_sub(&crew.open, 1);
  unlock();
  for (int spins = 0; atomic_load(&o.inside);)
    if (++spins % 2000) pause_once();
    else sched_yield();
}
