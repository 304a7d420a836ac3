// Package wide tells whether XLA's CPU backend calls our own products and convolutions here.
package wide

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// Able tells whether this processor has what they are written for (gan/device/compilecache: tile.h): registers of 512 bits, on Linux.
func Able() bool {
	return runtime.GOOS == "linux" && runtime.GOARCH == "amd64" && cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasFMA
}
