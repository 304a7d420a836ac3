package lab_test

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"gantry.local/kernel-ext/lab"
)

// TestLoop counts the passes of a loop that ends by itself, by a break, and by an interrupt, which ends a Context too.
func TestLoop(t *testing.T) {
	n := 0
	for i := range lab.Loop(5) {
		if i != n {
			t.Errorf("pass %d has the number %d", n, i)
		}
		n++
	}
	if n != 5 {
		t.Errorf("%d passes, want 5", n)
	}
	for i := range lab.Loop(5) {
		if i == 1 {
			break
		}
	}

	arrived := make(chan os.Signal, 1)
	signal.Notify(arrived, os.Interrupt)
	defer signal.Stop(arrived)
	ctx := lab.Context()
	last := 0
	for i := range lab.Loop(1 << 40) {
		if last = i; i == 3 {
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			<-arrived
		}
	}
	if last < 3 {
		t.Errorf("the loop ended after pass %d, before it was interrupted", last)
	}
	<-ctx.Done()
	if err := ctx.Err(); !errors.Is(err, context.Canceled) || err.Error() != "the cell was interrupted" {
		t.Errorf("the context of an interrupted cell says %v", err)
	}
}
