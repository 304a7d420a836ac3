package lab_test

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"gantry.local/kernel-ext/lab"
)

// TestLoop counts the passes of a loop that ends by itself, by a break, and by an interrupt.
func TestLoop(t *testing.T) {
	for _, test := range []struct {
		fast string
		want int
	}{{"", 5}, {"1", 2}} {
		t.Setenv(lab.EnvFast, test.fast)
		n := 0
		for i := range lab.Loop(5, 2) {
			if i != n {
				t.Errorf("pass %d has the number %d", n, i)
			}
			n++
		}
		if n != test.want {
			t.Errorf("%s=%q: %d passes, want %d", lab.EnvFast, test.fast, n, test.want)
		}
	}
	for i := range lab.Loop(5, 5) {
		if i == 1 {
			break
		}
	}

	arrived := make(chan os.Signal, 1)
	signal.Notify(arrived, os.Interrupt)
	defer signal.Stop(arrived)
	last := 0
	for i := range lab.Loop(1<<40, 1<<40) {
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
}
