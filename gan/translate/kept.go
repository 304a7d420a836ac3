package translate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
)

// keptTrainer stands in for a Trainer in a notebook whose variables live on from cell to cell.
type keptTrainer struct {
	Experiment Experiment
	Backend    compute.Backend
	Values     []keptValue // of all variables but the data set's
	Steps      int
	Failure    string // why the state cannot be trusted, or ""
}

// keptValue is the value of a variable.
type keptValue struct {
	Path  string
	Shape shapes.Shape
	Data  []byte
}

// Kept returns what a notebook keeps of the trainer between two cells: weights, optimizers, random state and the step.
func (t *Trainer) Kept() (any, error) {
	k := keptTrainer{Experiment: t.exp, Backend: t.backend, Steps: t.steps}
	if t.failed != nil {
		k.Failure = t.failed.Error()
		return k, nil
	}
	for v := range t.store.IterVariables() {
		if v.Path() == dataPath {
			continue
		}
		kept := keptValue{Path: v.Path(), Shape: v.Shape()}
		value, err := v.Value()
		if err == nil {
			err = value.ConstBytes(func(data []byte) { kept.Data = slices.Clone(data) })
		}
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Path(), err)
		}
		k.Values = append(k.Values, kept)
	}
	return k, nil
}

// Restored returns the trainer again.
func (k keptTrainer) Restored() (any, error) {
	t, err := newTrainer(k.Backend, k.Experiment, k.Values)
	if err != nil {
		return nil, err
	}
	t.steps = k.Steps
	if k.Failure != "" {
		t.failed = errors.New(k.Failure)
	}
	return t, nil
}

// restore gives the variables that the step was found to have their kept values.
func (t *Trainer) restore(values []keptValue) error {
	for _, kept := range values {
		v := t.store.GetVariable(kept.Path)
		if v == nil || !v.Shape().Equal(kept.Shape) {
			return fmt.Errorf("the networks have other variables than those that were kept (%s is %s there): make the trainer anew",
				strings.TrimPrefix(kept.Path, "/"), kept.Shape)
		}
		value, err := tensors.FromRaw(nil, 0, kept.Shape, kept.Data) // not shared with a device, for a step gives its buffers away
		if err != nil {
			return err
		}
		if err := v.SetValue(value); err != nil {
			return err
		}
	}
	return nil
}
