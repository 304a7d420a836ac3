//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
)

// held is what a process holds at a moment.
type held struct {
	memory      int // bytes, resident
	descriptors int
}

// watched is a process that lives from beginning to end, and what it held all along.
type watched struct {
	name    string
	pid     func() int
	samples []held
}

// holds asks the system.
func holds(pid int) (h held, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return h, err
	}
	fields := bytes.Fields(status)
	if len(fields) < 2 {
		return h, fmt.Errorf("process %d has ended", pid)
	}
	pages, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return h, err
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return held{pages * os.Getpagesize(), len(entries)}, err
}

// watch looks each half second.
func (w *watched) watch(ctx context.Context) {
	for ; ctx.Err() == nil; pause(ctx, 500) {
		if pid := w.pid(); pid != 0 {
			if h, err := holds(pid); err == nil && h.memory > 0 {
				w.samples = append(w.samples, h)
			}
		}
	}
}

// Growth that is none: a process that is new has not yet what it needs, and clients come and go.
const (
	memoryShare      = 0.3
	memorySlack      = 48 << 20
	descriptorsSlack = 12
)

// ends are what it held at the beginning, once it was warm, and in the end: medians of a fifth of the time.
func (w *watched) ends() (begin, end held, ok bool) {
	n := len(w.samples)
	if n < 10 {
		return begin, end, false
	}
	middle := func(part []held) held {
		memory, descriptors := make([]int, 0, len(part)), make([]int, 0, len(part))
		for _, h := range part {
			memory, descriptors = append(memory, h.memory), append(descriptors, h.descriptors)
		}
		slices.Sort(memory)
		slices.Sort(descriptors)
		return held{memory[len(memory)/2], descriptors[len(descriptors)/2]}
	}
	return middle(w.samples[n/5 : 2*n/5]), middle(w.samples[n-n/5:]), true
}

// flat asserts that the process did not grow.
func (w *watched) flat(l *ledger) {
	begin, end, ok := w.ends()
	if !ok {
		l.broke("%s did not live long enough to be watched", w.name)
		return
	}
	if float64(end.memory) > float64(begin.memory)*(1+memoryShare)+memorySlack {
		l.broke("%s grew from %d to %d MB", w.name, begin.memory>>20, end.memory>>20)
	}
	if end.descriptors > begin.descriptors+descriptorsSlack {
		l.broke("%s had %d descriptors and has %d", w.name, begin.descriptors, end.descriptors)
	}
}
