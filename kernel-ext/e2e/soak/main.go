//go:build linux

// Soak runs kernels, resident runs and their clients for some minutes while all that can go wrong does, about once a second,
// from several sides at once: processes are killed and stopped, checkpoints damaged, folders deleted, a disk is full, peers
// keep to no protocol, a second user of the machine tries what he can. All along and at the end it asserts that no work is
// lost beyond the interval of checkpoints, that what is resumed is what an undisturbed run gives, bit for bit, that every
// call of a client comes back, and that nothing is left over. `make soak MINUTES=10 SEED=7` starts it.
//
// What an actor does follows from the seed; when it does so depends on the machine, so a seed repeats the faults in their
// order but not each coincidence.
//
// Reading order: ledger.go (what is counted and asserted), place.go (the private place it happens in), world.go (who
// acts), runs.go and runfaults.go (resident runs and what befalls them), lasting.go (one that nothing ends), twin.go (the
// undisturbed one), disk.go (the full disk), kernels.go (kernels and what befalls them), peers.go (hostile ones), client.go (clients that are killed), stranger.go (the second
// user), steady.go (memory and descriptors), table.go (what it prints).
package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"sync"
	"syscall"
	"time"

	"gantry.local/kernel-ext/lab"
)

// actor does its share of the faults until ctx ends.
type actor struct {
	name string
	act  func(ctx context.Context, rnd *rand.Rand)
}

func main() {
	if _, is := lab.Resident(); is {
		become()
	}
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "client":
			client(os.Args[2:])
		case "stranger":
			stranger(os.Args[2:])
		}
	}
	minutes, seed, err := arguments(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(2)
	}
	if code, nested := ownNamespace(); nested {
		os.Exit(code)
	}
	os.Exit(soak(minutes, seed))
}

// arguments are the minutes, and the seed: one of today's where there is none.
func arguments(args []string) (minutes float64, seed uint64, err error) {
	minutes, seed = 10, uint64(time.Now().UnixNano())%1_000_000
	if len(args) > 0 && args[0] != "" {
		if minutes, err = strconv.ParseFloat(args[0], 64); err != nil || !(minutes > 0 && minutes <= 10_000) {
			return 0, 0, fmt.Errorf("%q is no number of minutes", args[0])
		}
	}
	if len(args) > 1 && args[1] != "" {
		if seed, err = strconv.ParseUint(args[1], 10, 64); err != nil {
			return 0, 0, fmt.Errorf("%q is no seed: want a number", args[1])
		}
	}
	return minutes, seed, nil
}

// soak returns the exit code: 1 where something broke.
func soak(minutes float64, seed uint64) int {
	out := os.Stdout
	quiet, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		return 1
	}
	os.Stdout, os.Stderr = quiet, quiet // clients in this process draw figures
	l := newLedger(out, seed)
	p, err := newPlace()
	if err != nil {
		fmt.Fprintln(out, "soak:", err)
		return 1
	}
	fmt.Fprintf(out, "soak: %g minutes, seed %d, in %s\n", minutes, seed, p.dir)
	ctx, interrupted := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer interrupted()
	lasting, done := context.WithTimeout(ctx, time.Duration(minutes*float64(time.Minute)))
	defer done()

	w := &world{ledger: l, place: p, twins: newTwins(p.dir)}
	actors, err := w.actors()
	if err != nil {
		l.broke("setting up: %v", err)
	}
	var acting sync.WaitGroup
	for i, a := range actors {
		acting.Go(func() {
			defer func() {
				if r := recover(); r != nil { // what it keeps must be ended all the same
					l.broke("actor %s: %v\n%s", a.name, r, debug.Stack())
				}
			}()
			a.act(lasting, rand.New(rand.NewPCG(seed, uint64(i))))
		})
	}
	ended := make(chan struct{})
	go func() {
		acting.Wait()
		close(ended)
	}()
	<-lasting.Done()
	select {
	case <-ended:
	case <-time.After(3 * time.Minute):
		l.broke("some actor does not end")
		pprof.Lookup("goroutine").WriteTo(out, 1)
	}
	w.end()
	left := p.leftOver(l)
	l.table(out, w, left)
	if l.failed() {
		fmt.Fprintf(out, "what is left lies in %s; `make soak MINUTES=%g SEED=%d` does the same again\n", p.dir, minutes, seed)
		return 1
	}
	p.remove()
	return 0
}
