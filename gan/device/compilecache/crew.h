#pragma once

// crew_run calls task(data) here and, at the same time, on up to so many other threads of this process's crew, and returns when
// all of these calls have. A task is to take parts of the work until none is left; so it does not matter how many come. Those of the
// crew who sleep are woken where the work is worth it; others are there at once.
void crew_run(void (*task)(void*), void* data, int helpers, int wake);
