package gan

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/safetensors"
)

const (
	generatorFile = "generator.safetensors"
	criticFile    = "critic.safetensors"
	networkKey    = "network" // whose weights a file has
)

// SaveWeights writes the weights of both networks to generator.safetensors (with an EMA the averaged ones) and
// critic.safetensors in dir, which is made if needed. Tensors are named by their path within the network, such as
// "dense_0/weights". After an error both files are what they were.
func (t *Trainer) SaveWeights(dir string) error {
	if err := t.ready(dir); err != nil {
		return err
	}
	var both []safetensors.Target
	for _, w := range []struct{ file, network, scope string }{
		{generatorFile, generatorScope[1:], t.sampler.scope}, {criticFile, criticScope[1:], criticScope},
	} {
		settings := t.exp.settings()
		if t.private != nil { // nothing from which to tell what chance made
			delete(settings, "seed")
		}
		file, err := collect(t.store, w.scope+"/", settings)
		if err != nil {
			return err
		}
		file.Metadata[networkKey] = w.network
		t.noteStep(file)
		both = append(both, safetensors.Target{Path: filepath.Join(dir, w.file), File: file})
	}
	return safetensors.SaveAll(both...)
}

// Weights is what SaveWeights left in a folder.
type Weights struct {
	Dir         string
	Step, Calls int // of the state that was saved; 0 where an earlier version saved it, which did not say

	// Generator and Critic are nil where the network's file is whole, ErrDamaged where it is not, fs.ErrNotExist where there
	// is none, and any other error where it cannot be told.
	Generator, Critic error
}

// WeightsIn verifies the weights in a folder.
func WeightsIn(dir string) Weights {
	w := Weights{Dir: dir}
	var generator, critic state
	generator, w.Generator = verifyWeights(filepath.Join(dir, generatorFile), generatorScope[1:])
	critic, w.Critic = verifyWeights(filepath.Join(dir, criticFile), criticScope[1:])
	of := generator
	if w.Generator != nil || w.Critic == nil && critic.calls < generator.calls { // killed between the two
		of = critic
	}
	w.Step, w.Calls = of.step, of.calls
	return w
}

// state is where in a run a file was saved.
type state struct{ step, calls int }

func verifyWeights(path, network string) (of state, err error) {
	r, err := safetensors.Open(path)
	if err != nil {
		return of, err
	}
	defer r.Close()
	if err := verify(r); err != nil {
		return of, err
	}
	return weightsState(path, network, r)
}

// weightsState reads which network's weights a file has, and of which state. Files of earlier versions do not say.
func weightsState(path, network string, r *safetensors.Reader) (of state, err error) {
	if got, found := r.Metadata[networkKey]; found && got != network {
		return of, fmt.Errorf("%s: %w: it has the weights of the %s in the place of the %s", path, ErrDamaged, got, network)
	}
	if _, found := r.Metadata[stepKey]; !found {
		return of, nil
	}
	if of, err = stepOf(r); err != nil {
		return of, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}
	return of, nil
}

// weightsNear are the weights in a folder of checkpoints or in the one that it lies in.
func weightsNear(dir string) Weights {
	w := WeightsIn(dir)
	if outer := WeightsIn(filepath.Dir(filepath.Clean(dir))); !w.Whole() && (outer.Whole() || w.absent()) {
		return outer
	}
	return w
}

// Whole tells whether both networks' files are.
func (w Weights) Whole() bool { return w.Generator == nil && w.Critic == nil }

func (w Weights) absent() bool {
	return errors.Is(w.Generator, fs.ErrNotExist) && errors.Is(w.Critic, fs.ErrNotExist)
}

// String says what is whole and what is not.
func (w Weights) String() string {
	switch {
	case w.Whole():
		return fmt.Sprintf("the weights in %s (%s, %s) are whole and of %s", w.Dir, generatorFile, criticFile, w.state())
	case w.absent():
		return "no weights were saved in " + w.Dir
	case w.Generator == nil:
		return fmt.Sprintf("of the weights, %s is whole: %v", filepath.Join(w.Dir, generatorFile), w.Critic)
	case w.Critic == nil:
		return fmt.Sprintf("of the weights, %s is whole: %v", filepath.Join(w.Dir, criticFile), w.Generator)
	}
	return fmt.Sprintf("neither of the weights is whole: %v; %v", w.Generator, w.Critic)
}

func (w Weights) state() string {
	if w.Calls == 0 {
		return "step 0, or one that they do not name"
	}
	return fmt.Sprintf("step %d", w.Step)
}

// AdoptWeights goes on from the weights that SaveWeights wrote into dir, where no checkpoint is left: a trainer that has not
// trained yet takes both networks' weights and the step (0 where the files do not name it). The optimizers begin afresh,
// and where there is an EMA both the generator and its average begin at the average. notice says so in a sentence. On an
// error the trainer's state is what it was.
func (t *Trainer) AdoptWeights(dir string) (notice string, err error) {
	if err := t.open(nil); err != nil {
		return "", err
	}
	switch {
	case t.calls > 0:
		return "", fmt.Errorf("the weights in %s are for a new trainer, and this one is at step %d", dir, t.step)
	case t.exp.Privacy.on():
		return "", fmt.Errorf("weights alone do not say what privacy they have spent, so a private run cannot go on from those in %s", dir)
	}
	w := WeightsIn(dir)
	switch {
	case w.Generator != nil && w.Critic != nil:
		return "", fmt.Errorf("cannot go on from the weights: %w; %w", w.Generator, w.Critic)
	case !w.Whole():
		return "", fmt.Errorf("cannot go on from the weights: %w", cmp.Or(w.Generator, w.Critic))
	}
	set := map[string]*tensors.Tensor{}
	for _, network := range []struct{ file, scope, copy string }{
		{generatorFile, generatorScope, t.sampler.scope}, {criticFile, criticScope, criticScope},
	} {
		wanted := map[string]shapes.Shape{}
		for v := range t.variables() {
			if name, below := strings.CutPrefix(v.Path(), network.scope+"/"); below {
				wanted[name] = v.Shape()
			}
		}
		file, err := loadNetwork(filepath.Join(dir, network.file), network.scope[1:], wanted)
		if err != nil {
			return "", err
		}
		for _, stored := range file.Tensors {
			for _, scope := range []string{network.scope, network.copy} {
				if set[scope+"/"+stored.Name], err = fromStored(stored); err != nil {
					return "", fmt.Errorf("%s: %w", dir, err)
				}
			}
		}
	}
	if err := t.draw(); err != nil {
		return "", err
	}
	for v := range t.variables() {
		if value, found := set[v.Path()]; found {
			if err := v.SetValue(value); err != nil {
				t.failed = fmt.Errorf("adopting the weights in %s: %w", dir, err)
				return "", t.failed
			}
		}
	}
	t.step, t.calls, t.failed = w.Step, w.Calls, nil
	return fmt.Sprintf("going on from the weights in %s, of %s, with fresh optimizers; the settings are those of the experiment",
		dir, w.state()), nil
}

// loadNetwork reads a network's weights, once their names and shapes are those of the network.
func loadNetwork(path, network string, wanted map[string]shapes.Shape) (*safetensors.File, error) {
	r, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := weightsState(path, network, r); err != nil {
		return nil, orDamage(r, err)
	}
	if difference := misfit(wanted, r.Tensors); difference != "" {
		return nil, orDamage(r, fmt.Errorf("%s does not fit the %s network: %s", path, network, difference))
	}
	return readFinite(path, r)
}
