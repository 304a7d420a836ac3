package train_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
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

// checkpointOf is a trainer's whole state, as bytes.
func checkpointOf(t testing.TB, of *train.Trainer) []byte {
	t.Helper()
	if err := of.Save(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(of.LastCheckpoint())
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// keptExperiments have all that a trainer must keep: averages, an adaptation, penalties in some of the steps, settings that
// were changed, and privacy.
func keptExperiments() map[string]gan.Experiment {
	full := tiny.Experiment(method.Alternating{})
	full.Optimizers.EMA, full.Method = 0.9, method.Alternating{PenaltyEvery: 3, CriticSteps: 2}
	full.Penalties = []loss.Penalty{loss.R1(1)}
	full.View.Augment, full.View.Adapt = net.DiffAugment{Translation: 0.125}, net.Adaptive{Speed: 100}
	private := tiny.Experiment(method.Alternating{})
	private.Method = method.Private{Clip: 1, Noise: 0.6}
	return map[string]gan.Experiment{"full": full, "private": private, "simultaneous": tiny.Experiment(method.Simultaneous{})}
}

// TestKeptTrainer wants 20 steps, a trainer that is kept and restored, and 20 more to be 40 steps, bit for bit, on both
// backends, and also where it was kept before its first step and again without a step between.
func TestKeptTrainer(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for name, exp := range keptExperiments() {
			t.Run(name, func(t *testing.T) {
				whole := trainer(t, backend, exp)
				parts := gantest.Again(t, whole) // with the private key of the whole one
				if err := parts.Set(method.CriticRate, 3e-4); err != nil {
					t.Fatal(err)
				}
				if err := whole.Set(method.CriticRate, 3e-4); err != nil {
					t.Fatal(err)
				}
				progress := tiny.Steps(t, parts, 20)
				parts = gantest.Again(t, gantest.Again(t, parts))
				if parts.Step() != 20 || parts.Calls() != 20 || parts.Settings()[method.CriticRate] != 3e-4 {
					t.Fatalf("restored at step %d, call %d, with settings %v", parts.Step(), parts.Calls(), parts.Settings())
				}
				progress = append(progress, tiny.Steps(t, parts, 20)...)
				if want := tiny.Steps(t, whole, 40); !reflect.DeepEqual(progress, want) {
					t.Errorf("20 and 20 steps reported\n%v\nwant those of 40\n%v", progress, want)
				}
				if !bytes.Equal(checkpointOf(t, parts), checkpointOf(t, whole)) {
					t.Error("the state after 20 and 20 steps is not that after 40")
				}
				if got, _ := gan.Spent(parts); got != must(gan.Spent(whole)) {
					t.Errorf("spent %v, want %v", got, must(gan.Spent(whole)))
				}
			})
		}
	})
}

// must leaves the second of two results away.
func must[T any](value T, _ bool) T { return value }

// TestKeptTrainerKeepsNoCopies wants a trainer that made no step since it was restored to keep the very memory that it was
// restored from, which costs a notebook nothing.
func TestKeptTrainerKeepsNoCopies(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		first := trainer(t, backend, tiny.Experiment(method.Alternating{}))
		tiny.Steps(t, first, 2)
		restored := gantest.Again(t, first)
		if _, err := restored.Sample(4, 1); err != nil {
			t.Fatal(err)
		}
		once, twice := memoryKept(t, restored), memoryKept(t, restored)
		if len(once) == 0 || !reflect.DeepEqual(once, twice) {
			t.Errorf("the kept weights lie at %v and then at %v", once, twice)
		}
		tiny.Steps(t, restored, 1)
		for path, at := range memoryKept(t, restored) {
			if at == once[path] {
				t.Errorf("after a step %s is kept in the old memory", path)
			}
		}
	})
}

// memoryKept says where the values of a trainer's stand-in lie.
func memoryKept(t testing.TB, of *train.Trainer) map[string]uintptr {
	t.Helper()
	standIn, err := of.Kept()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]uintptr{}
	values := reflect.ValueOf(standIn).FieldByName("Values")
	for i := range values.Len() {
		path := values.Index(i).FieldByName("Path").String()
		if path != "/"+model.RNGStateVariableName { // which no step changes
			at[path] = values.Index(i).FieldByName("Data").Pointer()
		}
	}
	return at
}

// TestKeptFailure wants a trainer whose state was lost to say so after it was kept, and to go on from a checkpoint.
func TestKeptFailure(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		exp := tiny.Experiment(method.Alternating{})
		exp.Optimizers.Critic = optim.NewAdam(1e30, 0.9, 0.999)
		diverging := trainer(t, backend, exp)
		dir := filepath.Join(t.TempDir(), "checkpoints")
		if err := diverging.Save(dir); err != nil {
			t.Fatal(err)
		}
		var failure error
		for _, err := range diverging.Train(t.Context(), 50) {
			failure = err
		}
		if failure == nil {
			t.Fatal("training at a rate of 1e30 did not diverge")
		}
		restored := gantest.Again(t, diverging)
		for _, err := range restored.Train(t.Context(), 1) {
			if err == nil || err.Error() != failure.Error() {
				t.Errorf("a step of the restored trainer: %v, want %v", err, failure)
			}
		}
		if _, err := restored.Restore(dir); err != nil || restored.Step() != 0 {
			t.Errorf("restoring a checkpoint: step %d, %v", restored.Step(), err)
		}
		if _, err := restored.Sample(1, 1); err != nil {
			t.Errorf("sampling from the restored checkpoint: %v", err)
		}
	})
}

// TestKeptGenerator wants the same images of a generator that was kept.
func TestKeptGenerator(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		of := trainer(t, backend, tiny.Experiment(method.Alternating{}))
		tiny.Steps(t, of, 3)
		generator, err := of.Generator()
		if err != nil {
			t.Fatal(err)
		}
		want, err := generator.Sample(5, 3)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := gantest.Again(t, generator).Sample(5, 3); err != nil || !slices.Equal(got.Values, want.Values) {
			t.Errorf("the kept generator drew other images, or error %v", err)
		}
	})
}

// TestKeptRedefined wants a network that was written anew since the trainer was kept to be named when the trainer is used,
// and not before; and the trainer to go on where the change is undone.
func TestKeptRedefined(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		slope := 0.2 // what a later cell writes otherwise
		exp := tiny.Experiment(method.Alternating{})
		exp.Critic = func(scope *model.Scope, x *Node) *Node {
			return net.Dense(scope.In("logit"), net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 32), slope), 1)
		}
		whole, parts := trainer(t, backend, exp), trainer(t, backend, exp)
		progress := tiny.Steps(t, parts, 3)
		parts = gantest.Again(t, parts)
		slope = 0.3
		parts = gantest.Again(t, parts) // a cell that does not use it
		for _, err := range parts.Train(t.Context(), 1) {
			if err == nil || !strings.Contains(err.Error(), `experiment "tiny" is another one than when this trainer was made (critic: `) {
				t.Errorf("a step with another critic: %v", err)
			}
		}
		if _, err := parts.Sample(1, 1); err == nil || parts.Step() != 3 {
			t.Errorf("a sample with another critic: %v, at step %d", err, parts.Step())
		}
		slope = 0.2
		progress = append(progress, tiny.Steps(t, parts, 3)...)
		if want := tiny.Steps(t, whole, 6); !reflect.DeepEqual(progress, want) {
			t.Errorf("3 and 3 steps reported\n%v\nwant those of 6\n%v", progress, want)
		}
	})
}

// TestKeptIsLazy wants a trainer that is only looked at after it was kept to compile nothing and to move nothing.
func TestKeptIsLazy(t *testing.T) {
	exp := tiny.Experiment(method.Alternating{})
	first := trainer(t, gantest.XLA(t), exp)
	tiny.Steps(t, first, 2)
	restored := gantest.Again(t, first)
	if err := restored.Set(method.CriticRate, 0.25); err != nil {
		t.Fatal(err)
	}
	again := gantest.Again(t, restored)
	if again.Step() != 2 || again.StepsPerEpoch() != 8 || again.Settings()[method.CriticRate] != 0.25 {
		t.Errorf("kept twice it is at step %d of %d, with %v", again.Step(), again.StepsPerEpoch(), again.Settings())
	}
	if !reflect.ValueOf(again).Elem().FieldByName("ground").FieldByName("Store").IsNil() {
		t.Error("the trainer was built though nobody has used it")
	}
}

// TestKeptFirstUse wants a kept trainer to be built by whatever is done with it first, and to be as one that was not kept.
func TestKeptFirstUse(t *testing.T) {
	backend := gantest.Go(t)
	exp := tiny.Experiment(method.Alternating{})
	exp.Optimizers.EMA = 0.9
	of := trainer(t, backend, exp)
	tiny.Steps(t, of, 3)
	dir, weights := t.TempDir(), t.TempDir()
	if err := of.Save(dir); err != nil {
		t.Fatal(err)
	}
	if err := of.SaveWeights(weights); err != nil {
		t.Fatal(err)
	}
	images, err := of.Sample(4, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, use := range map[string]func(t *train.Trainer) (any, error){
		"save":      func(t *train.Trainer) (any, error) { return nil, t.Save(dir) },
		"weights":   func(t *train.Trainer) (any, error) { return nil, t.SaveWeights(weights) },
		"restore":   func(t *train.Trainer) (any, error) { return t.Restore(dir) },
		"adopt":     func(t *train.Trainer) (any, error) { return t.Adopt(of.LastCheckpoint(), of.Settings()) },
		"loss":      func(t *train.Trainer) (any, error) { return nil, setLoss(t, loss.Hinge) },
		"sample":    func(t *train.Trainer) (any, error) { return t.Sample(4, 1) },
		"generate":  func(t *train.Trainer) (any, error) { return t.Generate(train.Latents(4, 4, 1), nil) },
		"logits":    func(t *train.Trainer) (any, error) { return gan.Logits(t, images, nil) },
		"slopes":    func(t *train.Trainer) (any, error) { return gan.InputGradients(t, images, nil) },
		"gradients": func(t *train.Trainer) (any, error) { return t.GradientNorms() },
		"generator": func(t *train.Trainer) (any, error) {
			g, err := t.Generator()
			if err != nil {
				return nil, err
			}
			return g.Sample(4, 1)
		},
		"critic": func(t *train.Trainer) (any, error) {
			for _, err := range t.TrainAlone(context.Background(), method.CriticName, 1) {
				if err != nil {
					return nil, err
				}
			}
			return gan.Logits(t, images, nil)
		},
		"fork": func(t *train.Trainer) (any, error) {
			branch, _, err := gan.Fork(t, func(e *gan.Experiment) { e.BatchSize = 16 })
			if err != nil {
				return nil, err
			}
			return branch.Sample(4, 1)
		},
	} {
		kept := gantest.Again(t, of)
		got, err := use(kept)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		other := trainer(t, backend, exp)
		if _, err := other.Restore(dir); err != nil {
			t.Fatal(err)
		}
		if want, err := use(other); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v of a kept trainer, and %v (%v) of another", name, got, want, err)
		}
	}
	if notice, err := gantest.Again(t, trainer(t, backend, exp)).AdoptWeights(weights); err != nil || notice == "" {
		t.Errorf("weights adopted by a new trainer that was kept: %q, %v", notice, err)
	}
}
