#pragma once

#include <stdint.h>

// crew_call offers work to up to `most` threads of the crew. Each that takes the offer calls help, of parts.h, with it. It returns to how
// many it was offered: those that are busy are passed over.
int64_t crew_call(int64_t most, void* work);

// crew_recall takes an offer back from those who have not taken it yet, and returns from how many.
int64_t crew_recall(void* work);
