//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// patience is how long a client's call may take, whatever befalls the other end.
const patience = 15 * time.Second

// What computes takes longer on a machine that is not at rest: opening a run whose step XLA compiles, and steps and cells.
const (
	compilePatience = 3 * time.Minute
	stepsPatience   = time.Minute
)

// ledger counts the faults, measures the calls, and knows what broke.
type ledger struct {
	out   io.Writer
	seed  uint64
	begun time.Time

	mu          sync.Mutex
	faults      map[string]int
	calls       map[string][]time.Duration
	said        map[string]int // by hostile peers, by socket
	notTried    []string
	broken      []string
	lostSteps   int
	lostSeconds float64 // of training
	resumed     int
	compared    int // steps that were compared with the undisturbed run's
}

func newLedger(out io.Writer, seed uint64) *ledger {
	return &ledger{out: out, seed: seed, begun: time.Now(), faults: map[string]int{}, calls: map[string][]time.Duration{},
		said: map[string]int{}}
}

// fault counts one.
func (l *ledger) fault(kind string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults[kind]++
}

// hostile counts messages that keep to no protocol.
func (l *ledger) hostile(socket string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said[socket] += n
}

// cannot notes what is not tried here, and why.
func (l *ledger) cannot(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	l.notTried = append(l.notTried, text)
	fmt.Fprintln(l.out, "soak: not tried:", text)
}

// broke notes that an assertion does not hold.
func (l *ledger) broke(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	l.broken = append(l.broken, text)
	fmt.Fprintf(l.out, "BROKEN at %4.0f s: %s\n", time.Since(l.begun).Seconds(), text)
}

func (l *ledger) failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.broken) > 0
}

// lost notes what a resume lost.
func (l *ledger) lost(steps int, seconds float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resumed++
	l.lostSteps, l.lostSeconds = max(l.lostSteps, steps), max(l.lostSeconds, seconds)
}

var errLate = errors.New("it was not back in time")

// timed makes a client's call, which must come back in time; its result is the caller's business. What is late goes on
// by itself.
func (l *ledger) timed(call string, do func() error) error { return l.within(patience, call, do) }

// within is timed for what may take another time.
func (l *ledger) within(patience time.Duration, call string, do func() error) error {
	begin := time.Now()
	done := make(chan error, 1)
	go func() { done <- do() }()
	var err error
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err = <-done:
	case <-late.C:
		l.broke("%s was not back within %s", call, patience)
		err = errLate
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[call] = append(l.calls[call], time.Since(begin))
	return err
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
