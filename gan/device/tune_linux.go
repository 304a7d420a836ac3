//go:build linux && cgo

package device

/*
#include <limits.h>
#include <malloc.h>

// keep_memory makes glibc keep what is freed instead of handing it back to the system: XLA allocates and frees tens of
// megabytes in each step, and the system clears each page that it hands out again.
static void keep_memory(void) {
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	mallopt(M_TOP_PAD, 64 << 20);
#endif
}
*/
import "C"

import (
	"os"
	"strings"

	"golang.org/x/sys/cpu"
)

// tune sets, before XLA's CPU plugin is loaded, what makes it faster: memory that is kept from step to step, and loops as wide
// as the processor's registers, where the user's XLA_FLAGS do not say otherwise. (LLVM itself prefers half of their width.) The plugin aborts
// at a flag that it does not know, so only our own is told.
func tune() {
	C.keep_memory()
	const variable, width = "XLA_FLAGS", "--xla_cpu_prefer_vector_width"
	if flags := os.Getenv(variable); cpu.X86.HasAVX512F && !strings.Contains(flags, width) {
		os.Setenv(variable, strings.TrimSpace(flags+" "+width+"=512"))
	}
}
