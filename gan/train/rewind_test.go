package train_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/train"
)

// TestRestoreFile goes back to a checkpoint by its file.
func TestRestoreFile(t *testing.T) {
	of := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{}))
	dir := t.TempDir()
	if _, err := train.Checkpoints(dir); !errors.Is(err, train.ErrNoCheckpoint) {
		t.Errorf("an empty folder: %v", err)
	}
	tiny.Steps(t, of, 3)
	if err := of.Save(dir); err != nil {
		t.Fatal(err)
	}
	third := saved(t, of)
	for _, err := range of.TrainAlone(t.Context(), method.CriticName, 2) {
		if err != nil {
			t.Fatal(err)
		}
	}
	tiny.Steps(t, of, 4)
	if err := of.Save(dir); err != nil {
		t.Fatal(err)
	}
	all, err := train.Checkpoints(dir)
	if err != nil || len(all) != 2 || all[0].Step != 3 || all[0].Calls != 3 || all[1].Step != 7 || all[1].Calls != 9 ||
		all[1].Path != of.LastCheckpoint() {
		t.Fatalf("the checkpoints are %+v (%v)", all, err)
	}
	if err := of.RestoreFile(all[0].Path); err != nil || of.Step() != 3 || of.Calls() != 3 {
		t.Fatalf("back at step %d, call %d: %v", of.Step(), of.Calls(), err)
	}
	if !bytes.Equal(third, saved(t, of)) {
		t.Error("the state is not that of the checkpoint")
	}
}

// TestListed lists checkpoints by their headers: what is wrong with the rest of a file is said when it is restored.
func TestListed(t *testing.T) {
	of, dir := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{})), t.TempDir()
	if _, err := train.Listed(dir); !errors.Is(err, train.ErrNoCheckpoint) {
		t.Errorf("an empty folder: %v", err)
	}
	for range 2 {
		tiny.Steps(t, of, 2)
		if err := of.Save(dir); err != nil {
			t.Fatal(err)
		}
	}
	flip(t, of.LastCheckpoint())
	all, err := train.Listed(dir)
	if err != nil || len(all) != 2 || all[0].Step != 2 || all[1].Step != 4 || all[1].Calls != 4 || all[1].Problem != nil {
		t.Fatalf("a damaged number among them: %+v (%v)", all, err)
	}
	if err := of.RestoreFile(all[1].Path); !errors.Is(err, train.ErrDamaged) {
		t.Errorf("restoring it: %v", err)
	}
	if err := os.Truncate(all[1].Path, 20); err != nil {
		t.Fatal(err)
	}
	all, err = train.Listed(dir)
	if err != nil || len(all) != 2 || !errors.Is(all[0].Problem, train.ErrDamaged) || all[1].Step != 2 || all[1].Problem != nil {
		t.Errorf("a header that is cut: %+v (%v)", all, err)
	}
}

// TestAdopt goes on from another experiment's checkpoint: it is what Fork does.
func TestAdopt(t *testing.T) {
	backend := gantest.Go(t)
	trunk := trainer(t, backend, tiny.Experiment(method.Alternating{}))
	before := trunk.Settings()
	tiny.Steps(t, trunk, 5)
	if err := trunk.Set(method.CriticRate, 3e-4); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := trunk.Save(dir); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*gan.Experiment){
		"nothing": nil,
		"a loss":  func(e *gan.Experiment) { e.Loss = loss.Hinge },
		"a rate":  func(e *gan.Experiment) { e.Optimizers.Critic = optim.NewAdam(5e-4, 0.9, 0.999) },
		"a width": func(e *gan.Experiment) {
			e.Critic = func(scope *model.Scope, x *Node) *Node {
				return net.Dense(scope.In("logit"), net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 40), 0.2), 1)
			}
		},
	} {
		branch, wantFresh, err := gan.Fork(trunk, change)
		if err != nil {
			t.Fatal(err)
		}
		exp := tiny.Experiment(method.Alternating{})
		if change != nil {
			change(&exp)
		}
		adopted := trainer(t, backend, exp)
		fresh, err := adopted.Adopt(trunk.LastCheckpoint(), before)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(fresh, " ") != strings.Join(wantFresh, " ") {
			t.Errorf("%s: fresh are %v, and by Fork %v", name, fresh, wantFresh)
		}
		tiny.Steps(t, branch, 3)
		tiny.Steps(t, adopted, 3)
		if !bytes.Equal(saved(t, branch), saved(t, adopted)) {
			t.Errorf("%s: adopted from a file, the run is not Fork's", name)
		}
	}
}

// TestSetLoss changes the loss of a trainer in place: from there on it is a fork with that loss.
func TestSetLoss(t *testing.T) {
	of := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{}))
	tiny.Steps(t, of, 4)
	branch, _, err := gan.Fork(of, func(e *gan.Experiment) { e.Loss = loss.Hinge })
	if err != nil {
		t.Fatal(err)
	}
	if err := setLoss(of, loss.Smoothed{RealLabel: 7}); err == nil {
		t.Error("a loss that is impossible was taken")
	}
	if err := setLoss(of, loss.Hinge); err != nil || experimentOf(of).Loss != loss.Hinge {
		t.Fatalf("the loss is %v: %v", experimentOf(of).Loss, err)
	}
	tiny.Steps(t, of, 3)
	tiny.Steps(t, branch, 3)
	if !bytes.Equal(saved(t, of), saved(t, branch)) {
		t.Error("with its loss changed the run is not the fork with that loss")
	}
	halves := trainer(t, gantest.Go(t), tiny.Experiment(method.Halves{}))
	if err := setLoss(halves, loss.Paired); err == nil || experimentOf(halves).Loss != loss.NonSaturating {
		t.Errorf("a loss without halves: %v, and the loss is %v", err, experimentOf(halves).Loss)
	}
	tiny.Steps(t, halves, 1)
}
