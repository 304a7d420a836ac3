//go:build linux

// Threads of our own for programs that are small in all of their parts. XLA's threads fall asleep between two products of such a program, and
// take longer to wake up than a product takes. These stay awake for a little while, but give way to whoever wants to run.

#define _GNU_SOURCE

#include "crew.h"
#include "parts.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  MOST = 3,           // threads: more find nothing to do in a small product
  PATIENCE = 200000,  // ticks of the processor's clock, 60 to 100 microseconds, for which one stays awake without work
};

// hand is one of the crew.
typedef struct {
  _Alignas(64) _Atomic(void*) offer;
  _Atomic int asleep;  // a futex
} hand;

static hand hands[MOST];
static _Atomic int64_t awake;  // how many were ever started
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;

static void* live(void* of) {
  hand* h = of;
  for (unsigned long long since = __rdtsc();;) {
    void* work = atomic_load_explicit(&h->offer, memory_order_relaxed) ? atomic_exchange(&h->offer, NULL) : NULL;
    if (work) {
      help(work);
      since = __rdtsc();
    } else if (__rdtsc() - since < PATIENCE) {
      for (int i = 0; i < 8; i++) _mm_pause();
      sched_yield();
    } else {
      atomic_store(&h->asleep, 1);
      if (!atomic_load(&h->offer)) syscall(SYS_futex, &h->asleep, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
      atomic_store(&h->asleep, 0);
      since = __rdtsc();
    }
  }
  return NULL;
}

// start starts threads until there are n, none of which gets signals: those are Go's. Where the system has none left it is fewer.
static int64_t start(int64_t n) {
  int64_t have = atomic_load(&awake);
  if (have >= n) return n;
  pthread_mutex_lock(&starting);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (have = atomic_load(&awake); have < n; have++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, live, &hands[have])) break;
    pthread_detach(thread);
    atomic_store(&awake, have + 1);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_mutex_unlock(&starting);
  return have < n ? have : n;
}

int64_t crew_call(int64_t most, void* work) {
  int64_t called = 0, there = start(most < MOST ? most : MOST);
  for (int64_t i = 0; i < there; i++) {
    void* nothing = NULL;
    if (!atomic_compare_exchange_strong(&hands[i].offer, &nothing, work)) continue;
    called++;
    if (atomic_load(&hands[i].asleep) && atomic_exchange(&hands[i].asleep, 0))
      syscall(SYS_futex, &hands[i].asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  }
  return called;
}

int64_t crew_recall(void* work) {
  int64_t recalled = 0;
  for (int64_t i = 0; i < MOST; i++) {
    void* mine = work;
    recalled += atomic_compare_exchange_strong(&hands[i].offer, &mine, NULL);
  }
  return recalled;
}

#endif
