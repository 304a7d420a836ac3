package train_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// TestImpossibleExperiments wants one line that names the mistake, before anything is compiled.
func TestImpossibleExperiments(t *testing.T) {
	backend := gantest.XLA(t)
	for _, c := range []struct {
		want  string
		spoil func(*gan.Experiment)
	}{
		{"has no Name", func(e *gan.Experiment) { e.Name = "" }},
		{"has no Data", func(e *gan.Experiment) { e.Data = data.Set{} }},
		{"needs a Generator and a Critic", func(e *gan.Experiment) { e.Critic = nil }},
		{"BatchSize -8", func(e *gan.Experiment) { e.BatchSize = -8 }},
		{"Latent -1", func(e *gan.Experiment) { e.Latent = -1 }},
		{"CriticSteps -2", func(e *gan.Experiment) { e.Method = method.Alternating{CriticSteps: -2} }},
		{"BatchSize 8 is no multiple of Pack 3", func(e *gan.Experiment) { e.View.Pack = 3 }},
		{"ClipWeights -0.1 must not be negative", func(e *gan.Experiment) { e.Optimizers.ClipWeights = -0.1 }},
		{"Ahead 0", func(e *gan.Experiment) { e.Method = method.Unrolled{} }},
		{"Ahead 101", func(e *gan.Experiment) { e.Method = method.Unrolled{Ahead: 101} }},
		{"no real and fake halves", func(e *gan.Experiment) { e.Method, e.Loss = method.Halves{}, undivided{} }},
		{"Optimizers.Generator", func(e *gan.Experiment) { e.Optimizers.Generator = optim.NewAdam(-1, 0.9, 0.999) }},
		{"Optimizers.Critic", func(e *gan.Experiment) { e.Optimizers.Critic = optim.NewAdam(math.NaN(), 0.9, 0.999) }},
		{"a step needs 128 images (4 batches of 32) and noise has 64", func(e *gan.Experiment) { e.BatchSize, e.Method = 32, method.Alternating{CriticSteps: 4} }},
		{"no such file", func(e *gan.Experiment) {
			e.Data.Load = func() (*sample.Images, error) { return nil, errors.New("no such file") }
		}},
		{"cannot be compiled", func(e *gan.Experiment) {
			e.Generator = func(_ *model.Scope, z *Node) *Node { return z } // no images
		}},
	} {
		exp := tiny.Experiment(method.Alternating{})
		c.spoil(&exp)
		_, err := gan.NewTrainer(backend, exp)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
}

// undivided is the non-saturating loss without its halves.
type undivided struct{}

func (undivided) Critic(real, fake *Node) *Node    { return loss.NonSaturating.Critic(real, fake) }
func (undivided) Generator(real, fake *Node) *Node { return loss.NonSaturating.Generator(real, fake) }
func (undivided) String() string                   { return "undivided" }

func TestTrainSteps(t *testing.T) {
	of := trainer(t, gantest.XLA(t), tiny.Experiment(method.Alternating{}))
	for _, err := range of.Train(t.Context(), -1) {
		if err == nil || !strings.Contains(err.Error(), "cannot train for -1 steps") {
			t.Errorf("-1 steps: %v", err)
		}
	}
	if got := tiny.Steps(t, of, 0); len(got) != 0 || of.Step() != 0 {
		t.Errorf("0 steps: %v, step %d", got, of.Step())
	}
	var ends []int
	for _, p := range tiny.Steps(t, of, 20) {
		if p.EpochEnd {
			ends = append(ends, p.Step)
		}
		if want := (p.Step - 1) / of.StepsPerEpoch(); p.Epoch != want {
			t.Errorf("step %d is in epoch %d, want %d", p.Step, p.Epoch, want)
		}
	}
	if of.StepsPerEpoch() != 8 || len(ends) != 2 || ends[0] != 8 || ends[1] != 16 {
		t.Errorf("epochs of %d steps end after %v; want 8, after 8 and 16", of.StepsPerEpoch(), ends)
	}
}

// TestDivergence trains with a rate that blows up: training ends, such a state is never saved, and the last checkpoint
// brings the trainer back.
func TestDivergence(t *testing.T) {
	exp := tiny.Experiment(method.Alternating{})
	exp.Optimizers = gan.Both(optim.NewAdam(1e30, 0.9, 0.999))
	of, dir := trainer(t, gantest.XLA(t), exp), t.TempDir()
	start := saved(t, of)
	if err := of.Save(dir); err != nil {
		t.Fatal(err)
	}
	var last error
	steps := 0
	for _, err := range of.Train(t.Context(), 10) {
		last = err
		steps++
	}
	if last == nil || steps == 10 {
		t.Fatalf("after %d steps with rate 1e30: %v", steps, last)
	}
	for _, word := range []string{"step 1: ", "no longer finite; generator/dense/weights has", "lower the rates",
		"the last good checkpoint is " + filepath.Join(dir, "checkpoint-0000000000.safetensors")} {
		if !strings.Contains(last.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, last)
		}
	}
	if err := of.Save(dir); err == nil || err.Error() != last.Error() {
		t.Errorf("saving a state that is not finite: %v, want the reason %v", err, last)
	}
	for _, err := range of.Train(t.Context(), 1) {
		if err == nil {
			t.Error("training went on from a state that is not finite")
		}
	}
	if _, err := of.Restore(dir); err != nil || of.Step() != 0 || !bytes.Equal(saved(t, of), start) {
		t.Errorf("restoring gives step %d, %v; want the state before", of.Step(), err)
	}
}

// TestSavingOnAFullDisk lets the system refuse long files, as a full disk does.
func TestSavingOnAFullDisk(t *testing.T) {
	of, dir := trainer(t, gantest.XLA(t), tiny.Experiment(method.Alternating{})), t.TempDir()
	tiny.Steps(t, of, 3)
	if err := of.Save(dir); err != nil {
		t.Fatal(err)
	}
	want := saved(t, of)
	tiny.Steps(t, of, 2)

	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	short := limit
	short.Cur = 4096
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &short); err != nil {
		t.Fatal(err)
	}
	errSave, errWeights := of.Save(dir), of.SaveWeights(dir)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{errSave, errWeights} {
		if err == nil || !strings.Contains(err.Error(), "cannot save") || !errors.Is(err, syscall.EFBIG) {
			t.Errorf("saving beyond the limit: %v", err)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v (%v), want the checkpoint of step 3 alone", files, err)
	}
	if _, err := of.Restore(dir); err != nil || of.Step() != 3 || !bytes.Equal(saved(t, of), want) {
		t.Errorf("the earlier checkpoint gives step %d, %v", of.Step(), err)
	}
}

// TestRestoreRefuses wants the difference named and the trainer's state unchanged.
func TestRestoreRefuses(t *testing.T) {
	backend, dir := gantest.XLA(t), t.TempDir()
	if _, err := trainer(t, backend, tiny.Experiment(method.Alternating{})).Restore(filepath.Join(dir, "none")); !errors.Is(err, train.ErrNoCheckpoint) {
		t.Errorf("from a missing folder: %v", err)
	}
	source := trainer(t, backend, tiny.Experiment(method.Alternating{}))
	tiny.Steps(t, source, 2)
	if err := source.Save(dir); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want   string
		change func(*gan.Experiment)
	}{
		{"seed is 11 there and 12 here", func(e *gan.Experiment) { e.Seed = 12 }},
		{"order is alternating there and simultaneous here", func(e *gan.Experiment) { e.Method = method.Simultaneous{} }},
		{"latent is 4 there and 5 here", func(e *gan.Experiment) { e.Latent = 5 }},
		{"another network", func(e *gan.Experiment) {
			shallow := e.Critic
			e.Critic = func(scope *model.Scope, x *Node) *Node {
				return Add(shallow(scope, x), net.Dense(scope.In("more"), net.Flatten(x), 1))
			}
		}},
	} {
		exp := tiny.Experiment(method.Alternating{})
		c.change(&exp)
		other := trainer(t, backend, exp)
		before := saved(t, other)
		if _, err := other.Restore(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
		if !bytes.Equal(saved(t, other), before) {
			t.Errorf("%s: a refused checkpoint changed the trainer", c.want)
		}
	}
}
