#pragma once

#include <stdint.h>

// crew_call offers work to up to `most` threads of those that wait. Each that takes the offer calls help, of parts.h, with it. It returns
// to how many it was offered.
int64_t crew_call(int64_t most, void* work);

// crew_recall takes an offer back from those who have not taken it yet, and returns from how many.
int64_t crew_recall(void* work);

// crew_wait waits for an event of the plugin's, and helps meanwhile: ready(event) tells whether it has come. It returns when it has, or when
// nobody has asked for help for a while.
void crew_wait(int (*ready)(void* event), void* event);
