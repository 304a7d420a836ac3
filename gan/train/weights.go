package train

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/safetensors"
)

const networkKey = "network" // whose weights a file has

// weightsFile is the name of the file of a network's weights.
func weightsFile(network string) string { return network + ".safetensors" }

// saveWeights is Trainer.SaveWeights.
func saveWeights(t *Trainer, dir string) error {
	if err := ready(t, dir); err != nil {
		return err
	}
	var all []safetensors.Target
	for _, network := range namesOf(t.game) {
		metadata := identity(t)
		if t.driver != nil { // nothing from which to tell what chance made
			delete(metadata, "seed")
		}
		file, err := collect(t.ground.Store, weightsScope(t, network)+"/", metadata)
		if err != nil {
			return err
		}
		file.Metadata[networkKey] = network
		noteStep(t, file)
		all = append(all, safetensors.Target{Path: filepath.Join(dir, weightsFile(network)), File: file})
	}
	return safetensors.SaveAll(all...)
}

// weightsScope is where the weights of a network lie that are saved.
func weightsScope(t *Trainer, network string) string {
	if network == t.game.Sampler.Network {
		return t.game.BestScope(t.game.Sampler.Network)
	}
	return "/" + network
}

// Weights is what SaveWeights left in a folder.
type Weights struct {
	Dir         string
	Step, Calls int // of the state that was saved; 0 where an earlier version saved it, which did not say

	Networks []NetworkFile
}

// NetworkFile is the file of one network's weights.
type NetworkFile struct {
	Name string

	// Err is nil where the file is whole, ErrDamaged where it is not, fs.ErrNotExist where there is none, and any other error where
	// it cannot be told.
	Err error
}

// WeightsIn verifies the weights of networks in a folder.
func WeightsIn(dir string, networks ...string) Weights {
	w := Weights{Dir: dir}
	for _, network := range networks {
		of, err := verifyWeights(filepath.Join(dir, weightsFile(network)), network)
		w.Networks = append(w.Networks, NetworkFile{network, err})
		if err == nil && (w.Calls == 0 || of.calls < w.Calls) { // a process may have been killed between two of them
			w.Step, w.Calls = of.step, of.calls
		}
	}
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
	if of, err = stateOf(r); err != nil {
		return of, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}
	return of, nil
}

// weightsNear are the weights in a folder of checkpoints or in the one that it lies in.
func weightsNear(dir string, networks ...string) Weights {
	w := WeightsIn(dir, networks...)
	if outer := WeightsIn(filepath.Dir(filepath.Clean(dir)), networks...); !w.Whole() && (outer.Whole() || w.absent()) {
		return outer
	}
	return w
}

// Whole tells whether all networks' files are.
func (w Weights) Whole() bool {
	return len(w.Networks) > 0 && !slices.ContainsFunc(w.Networks, func(n NetworkFile) bool { return n.Err != nil })
}

func (w Weights) absent() bool {
	return !slices.ContainsFunc(w.Networks, func(n NetworkFile) bool { return !errors.Is(n.Err, fs.ErrNotExist) })
}

// Problem joins what is wrong with the files that are not whole.
func (w Weights) Problem() error {
	var problem error
	for _, n := range w.Networks {
		switch {
		case n.Err == nil:
		case problem == nil:
			problem = n.Err
		default:
			problem = fmt.Errorf("%w; %w", problem, n.Err)
		}
	}
	return problem
}

// String says what is whole and what is not.
func (w Weights) String() string {
	if w.absent() {
		return "no weights were saved in " + w.Dir
	}
	var whole, problems []string
	for _, n := range w.Networks {
		if n.Err == nil {
			whole = append(whole, weightsFile(n.Name))
		} else {
			problems = append(problems, n.Err.Error())
		}
	}
	switch {
	case len(problems) == 0:
		return fmt.Sprintf("the weights in %s (%s) are whole and of %s", w.Dir, strings.Join(whole, ", "), w.state())
	case len(whole) == 0:
		return "none of the weights is whole: " + strings.Join(problems, "; ")
	}
	return fmt.Sprintf("of the weights in %s, %s is whole: %s", w.Dir, strings.Join(whole, ", "), strings.Join(problems, "; "))
}

func (w Weights) state() string {
	if w.Calls == 0 {
		return "step 0, or one that they do not name"
	}
	return fmt.Sprintf("step %d", w.Step)
}

// adoptWeights is Trainer.AdoptWeights.
func adoptWeights(t *Trainer, dir string) (notice string, err error) {
	if err := open(t, nil); err != nil {
		return "", err
	}
	switch {
	case t.place.calls > 0:
		return "", fmt.Errorf("the weights in %s are for a new trainer, and this one is at step %d", dir, t.place.step)
	case t.driver != nil:
		return "", fmt.Errorf("weights alone do not say what they have cost (privacy, say), so a run with a driver cannot go on from those in %s", dir)
	}
	w := WeightsIn(dir, namesOf(t.game)...)
	if !w.Whole() {
		return "", fmt.Errorf("cannot go on from the weights: %w", w.Problem())
	}
	set := map[string]*tensors.Tensor{}
	for _, network := range namesOf(t.game) {
		wanted := map[string]shapes.Shape{}
		for v := range variables(t) {
			if name, below := strings.CutPrefix(v.Path(), "/"+network+"/"); below {
				wanted[name] = v.Shape()
			}
		}
		file, err := loadNetwork(filepath.Join(dir, weightsFile(network)), network, wanted)
		if err != nil {
			return "", err
		}
		for _, stored := range file.Tensors {
			for _, scope := range []string{"/" + network, weightsScope(t, network)} {
				if set[scope+"/"+stored.Name], err = fromStored(stored); err != nil {
					return "", fmt.Errorf("%s: %w", dir, err)
				}
			}
		}
	}
	if err := draw(t); err != nil {
		return "", err
	}
	for v := range variables(t) {
		if value, found := set[v.Path()]; found {
			if err := v.SetValue(value); err != nil {
				t.failed = fmt.Errorf("adopting the weights in %s: %w", dir, err)
				return "", t.failed
			}
		}
	}
	t.place.step, t.place.calls, t.failed = w.Step, w.Calls, nil
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
