package lab_test

import (
	"strings"
	"testing"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/kernel-ext/lab"
)

// TestKeptRun wants a run that a notebook has kept to be the same run: it trains on where it lives, can be forked, says what
// to do where it has ended, and serves once more when it is opened again.
func TestKeptRun(t *testing.T) {
	runs(t)
	p := plan{Name: "kept", Backend: "go"}
	first := p.open(t)
	if err := first.Train(5); err != nil {
		t.Fatal(err)
	}
	r := gantest.Again(t, first)
	if err := r.Train(5); err != nil || status(t, r).Step != 10 || r.Dir() != first.Dir() || status(t, r).Pid != status(t, first).Pid {
		t.Errorf("the kept run is %v in %s (%v)", status(t, r), r.Dir(), err)
	}
	fork := p.with("kept-2")
	fork.Batch = 32
	fork.tell(t)
	branch, err := r.Fork("kept-2", func(e *gan.Experiment) { e.BatchSize = 32 })
	if err != nil || status(t, branch).Step != 10 {
		t.Fatalf("its fork is %v (%v)", branch, err)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	r = gantest.Again(t, r)
	if s := status(t, r); s.State != lab.Ended || s.Step != 10 {
		t.Errorf("ended and kept it is %v", s)
	}
	if err := r.Train(1); err == nil || !strings.Contains(err.Error(), "open it again") || strings.Contains(err.Error(), "\n") {
		t.Errorf("training it on, which has ended: %v", err)
	}
	p.open(t)
	if err := r.Train(1); err != nil || status(t, r).Step != 11 {
		t.Errorf("opened again it is %v (%v)", status(t, r), err)
	}
}
