//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// table prints what was done and what came of it.
func (l *ledger) table(out io.Writer, w *world, left []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	total, took := 0, time.Since(l.begun)
	fmt.Fprintf(out, "\n%-48s%8s\n", "fault", "times")
	for _, kind := range slices.Sorted(maps.Keys(l.faults)) {
		fmt.Fprintf(out, "%-48s%8d\n", kind, l.faults[kind])
		total += l.faults[kind]
	}
	fmt.Fprintf(out, "%-48s%8d\n", "in all", total)
	fmt.Fprintf(out, "\n%-48s%8s%10s%10s\n", "call of a client", "times", "median", "worst")
	for _, call := range slices.Sorted(maps.Keys(l.calls)) {
		all := l.calls[call]
		fmt.Fprintf(out, "%-48s%8d%8.2f s%8.2f s\n", call, len(all), median(all).Seconds(), slices.Max(all).Seconds())
	}
	fmt.Fprintf(out, "\n%-48s%8s\n", "hostile messages to", "")
	for _, socket := range slices.Sorted(maps.Keys(l.said)) {
		fmt.Fprintf(out, "%-48s%8d\n", socket, l.said[socket])
	}
	fmt.Fprintf(out, "\n%-48s%8s%8s%10s%10s\n", "held", "memory", "", "descrip-", "tors")
	for _, watched := range w.watched {
		if begin, end, ok := watched.ends(); ok {
			fmt.Fprintf(out, "%-48s%5d MB%5d MB%10d%10d\n", watched.name+", at first and at last", begin.memory>>20, end.memory>>20, begin.descriptors, end.descriptors)
		}
	}
	fmt.Fprintf(out, "\nresumed %d times; lost at most %d steps, %.2f s of training, with a checkpoint each %s; %d steps compared with the undisturbed run's, bit for bit; %d left over\n",
		l.resumed, l.lostSteps, l.lostSeconds, interval, l.compared, len(left))
	for _, text := range l.notTried {
		fmt.Fprintln(out, "not tried:", text)
	}
	fmt.Fprintf(out, "seed %d: %d faults in %.1f minutes, %d assertions broken\n", l.seed, total, took.Minutes(), len(l.broken))
	for _, text := range l.broken {
		fmt.Fprintln(out, "BROKEN:", text)
	}
}
