// Package wide tells whether XLA's CPU backend calls our own products and convolutions here, and which.
package wide

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// Few is up to how many channels are too few for our convolution to read or make them pixel by pixel.
const Few = 4

// ReadsRows tells whether our convolution, not a transposed one, reads a row of the kernel at once, of size pixels of few channels
// (MOST in convolution.c).
func ReadsRows(channels, size int) bool { return channels*size <= 64 }

// MakesRows tells whether our transposed convolution makes what a row of the kernel, of size pixels, gives to few channels at once (a vector).
func MakesRows(channels, size int) bool { return channels*size <= 16 }

// Able tells whether this processor has what they are written for (gan/device/compilecache: tile.h): registers of 512 bits, on Linux.
func Able() bool {
	return runtime.GOOS == "linux" && runtime.GOARCH == "amd64" && cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasFMA
}
