//go:build linux

// Who waits for the end of a program helps with its products meanwhile, where the program is small in all of its parts. XLA's threads fall
// asleep between two products of such a program, and take longer to wake up than a product takes; the thread that waits for its end is
// awake for as long as products come, and is there at once when the program ends. It gives way to whoever wants to run.

#include "crew.h"
#include "parts.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <sched.h>
#include <stdatomic.h>

enum {
  MOST = 8,           // that help at the same time
  PATIENCE = 200000,  // ticks of the processor's clock, 60 to 100 microseconds, for which one stays awake without work
};

// place is where one who waits is found. It holds NULL where there is nobody, FREE or BUSY, or the work that is offered.
typedef struct {
  _Alignas(64) _Atomic(void*) holds;
} place;

static place places[MOST];
static char of_free, of_busy;
#define FREE ((void*)&of_free)
#define BUSY ((void*)&of_busy)

static int turned(place* p, void* from, void* to) { return atomic_compare_exchange_strong(&p->holds, &from, to); }

int64_t crew_call(int64_t most, void* work) {
  int64_t called = 0;
  for (int i = 0; i < MOST && called < most; i++) called += turned(&places[i], FREE, work);
  return called;
}

int64_t crew_recall(void* work) {
  int64_t recalled = 0;
  for (int i = 0; i < MOST; i++) recalled += turned(&places[i], work, FREE);
  return recalled;
}

// offered does what is offered, and tells whether something was.
static int offered(place* p) {
  void* work = atomic_load(&p->holds);
  if (work == FREE || !turned(p, work, BUSY)) return 0;
  help(work);
  atomic_store(&p->holds, FREE);
  return 1;
}

void crew_wait(int (*ready)(void*), void* event) {
  place* p = places;
  while (p < places + MOST && !turned(p, NULL, FREE)) p++;
  if (p == places + MOST) return;
  for (unsigned long long since = __rdtsc(); !ready(event) && __rdtsc() - since < PATIENCE;) {
    if (offered(p)) {
      since = __rdtsc();
      continue;
    }
    for (int i = 0; i < 8; i++) _mm_pause();
    sched_yield();
  }
  while (!turned(p, FREE, NULL)) offered(p);
}

#else

void crew_wait(int (*ready)(void*), void* event) {}

#endif
