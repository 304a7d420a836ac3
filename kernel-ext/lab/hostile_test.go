package lab_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/internal/hostile"
	own "gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab"
)

// TestHostilePeersOfARun lets 3 000 connections to a run's socket break its protocol, or ask for what cannot be. The run
// goes on as if nothing had been said.
func TestHostilePeersOfARun(t *testing.T) {
	const seed, rounds = 11, 3000
	runs(t)
	p := plan{Name: "calm", Backend: "go"}
	r := p.open(t)
	if err := r.Train(10); err != nil {
		t.Fatal(err)
	}
	before := status(t, r)
	descriptors := func() int { // none where there is no /proc
		entries, _ := os.ReadDir(filepath.Join("/proc", strconv.Itoa(before.Pid), "fd"))
		return len(entries)
	}
	open := descriptors()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for i := range rounds {
		conn, err := own.Dial(t.Context(), r.Dir(), resident.SocketFile)
		if err != nil {
			t.Fatalf("message %d of seed %d: %v", i, seed, err)
		}
		if err := hostile.Send(rnd, conn, hostile.Run(rnd, 1+i%2), time.Millisecond); err != nil {
			t.Errorf("message %d of seed %d: %v", i, seed, err)
		}
	}
	if after := status(t, r); after.Pid != before.Pid || after.State != before.State || after.Step != before.Step {
		t.Errorf("before %v, after %v", before, after)
	}
	eventually(t, "as many descriptors as before", func() bool { return descriptors() <= open+4 })
	if err := r.Train(10); err != nil {
		t.Fatal(err)
	}
	_, reported := p.undisturbed(t, 20)
	whole(t, r, reported)
}

// TestOpenRightAfterAKill opens a run whose process is dying and still has its socket.
func TestOpenRightAfterAKill(t *testing.T) {
	runs(t)
	p := plan{Name: "killed", Backend: "go"}
	r := p.open(t)
	for range 15 {
		if err := syscall.Kill(status(t, r).Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		var err error
		if r, err = lab.OpenWith(p.experiment(), p.options()); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzPeerOfARun says anything to a run's socket, after which the run still tells how it is.
func FuzzPeerOfARun(f *testing.F) {
	rnd := rand.New(rand.NewPCG(12, 0))
	for i := range 100 {
		f.Add(hostile.Run(rnd, 1+i%2))
	}
	runs(f)
	r := plan{Name: "fuzzed", Backend: "go"}.open(f)
	f.Fuzz(func(t *testing.T, said []byte) {
		if bytes.Contains(said, []byte("stop")) {
			return // it may
		}
		conn, err := own.Dial(t.Context(), r.Dir(), resident.SocketFile)
		if err != nil {
			t.Fatal(err)
		}
		hostile.Send(rnd, conn, said, time.Millisecond)
		if s := status(t, r); s.Pid == 0 {
			t.Fatal("the run has ended")
		}
	})
}
