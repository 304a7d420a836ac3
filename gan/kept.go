package gan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// A notebook whose variables live on from cell to cell asks a value that is more than its memory for a stand-in, by Kept,
// and the stand-in for the value again, by Restored, in the process of a later cell. Stand-ins are plain data; what they
// point to (data set, backend, store) is kept too, and stays one thing for all that point to it.

// keptTrainer stands in for a Trainer. It is what a checkpoint has, and what the experiment is made of; the step comes
// from the compile cache.
type keptTrainer struct {
	Experiment  Experiment
	Backend     compute.Backend
	Values      []keptValue // of all variables but the data set's; none where they are not drawn yet
	Step, Calls int
	Settings    []float64
	Good        string   // the last checkpoint
	PrivacyKey  [32]byte // with Privacy
	Spent       spending // likewise
	Failure     string   // why the state cannot be trusted, or ""
}

// keptValue is the value of a variable of the store.
type keptValue struct {
	Path  string
	Shape shapes.Shape
	Data  []byte
}

// restoredValue is what a variable was given when its trainer was restored.
type restoredValue struct {
	tensor *tensors.Tensor
	from   []byte
}

// Kept returns what a notebook keeps of the trainer between two cells: weights, optimizers, averages, settings and the
// place in the run, to the bit.
func (t *Trainer) Kept() (any, error) {
	k := keptTrainer{Experiment: t.exp, Backend: t.backend, Step: t.step, Calls: t.calls, Settings: slices.Clone(t.settings), Good: t.good}
	if t.private != nil {
		k.PrivacyKey, k.Spent = t.private.key, t.private.spent
	}
	if t.failed != nil {
		k.Failure = t.failed.Error()
		return k, nil
	}
	if !t.drawn {
		return k, nil
	}
	for v := range t.variables() {
		value, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Path(), err)
		}
		kept := keptValue{Path: v.Path(), Shape: v.Shape()}
		if was, found := t.restored[v.Path()]; found && was.tensor == value { // no step has been made since
			kept.Data = was.from
		} else if err := value.ConstBytes(func(data []byte) { kept.Data = slices.Clone(data) }); err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Path(), err)
		}
		k.Values = append(k.Values, kept)
	}
	return k, nil
}

// Restored returns the trainer again. Initial weights are not drawn for one that has had some.
func (k keptTrainer) Restored() (any, error) {
	images, err := k.Experiment.Data.Load()
	if err != nil {
		return nil, err
	}
	t, err := makeTrainer(k.Backend, k.Experiment, images, nil, k.Values)
	if err != nil {
		return nil, err
	}
	if len(k.Settings) != len(t.settings) {
		return nil, fmt.Errorf("experiment %q has %d settings and was kept with %d: make the trainer anew",
			k.Experiment.Name, len(t.settings), len(k.Settings))
	}
	t.step, t.calls, t.settings, t.good = k.Step, k.Calls, k.Settings, k.Good
	if t.private != nil {
		t.private.key, t.private.spent = k.PrivacyKey, k.Spent
	}
	if k.Failure != "" {
		t.failed = errors.New(k.Failure)
	}
	return t, nil
}

// restoring begins to copy kept values to the device. The function it returns waits, and gives them to the variables that
// the step has been found to have meanwhile.
func (t *Trainer) restoring(values []keptValue) (wait func() error) {
	arrived := make([]*tensors.Tensor, len(values))
	failed := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < len(values) && err == nil; i++ {
			arrived[i], err = onDevice(t.backend, values[i].Shape, values[i].Data)
		}
		failed <- err
	}()
	return func() error {
		if err := <-failed; err != nil || len(values) == 0 {
			return err
		}
		t.restored = map[string]restoredValue{}
		for i, kept := range values {
			v := t.store.GetVariable(kept.Path)
			if v == nil || !v.Shape().Equal(kept.Shape) {
				return fmt.Errorf("the networks have other variables than those that were kept (%s is %s there): make the trainer anew",
					kept.Path[1:], kept.Shape)
			}
			if err := v.SetValue(arrived[i]); err != nil {
				return err
			}
			t.restored[kept.Path] = restoredValue{arrived[i], kept.Data}
		}
		for v := range t.variables() {
			if _, found := t.restored[v.Path()]; !found {
				return fmt.Errorf("the networks have a variable %s, which was not kept: make the trainer anew", v.Path()[1:])
			}
		}
		t.drawn = true
		return t.clearSums()
	}
}

// onDevice copies data to the device. The tensor does not share memory with it, as tensors.FromRaw's may: a step gives the
// buffers of its state away.
func onDevice(backend compute.Backend, shape shapes.Shape, data []byte) (*tensors.Tensor, error) {
	if len(data) != int(shape.ByteSize()) {
		return nil, fmt.Errorf("%d bytes are no %s", len(data), shape)
	}
	flat := dtypes.MakeAnySlice(shape.DType, shape.Size())
	copy(dtypes.UnsafeByteSliceFromAny(flat), data)
	buffer, err := backend.BufferFromFlatData(0, flat, shape)
	if err != nil {
		return nil, err
	}
	return tensors.FromBuffer(buffer)
}

// keptGenerator stands in for a Generator.
type keptGenerator struct {
	Experiment Experiment
	Backend    compute.Backend
	Store      *model.Store
	Scope      string
}

// Kept returns what a notebook keeps of the generator between two cells. Its weights are those of its Store, which is kept
// as it is.
func (g *Generator) Kept() (any, error) {
	return keptGenerator{Experiment: g.exp, Backend: g.backend, Store: g.store, Scope: g.scope}, nil
}

// Restored returns the generator again.
func (k keptGenerator) Restored() (any, error) {
	return newGenerator(k.Backend, k.Experiment, k.Store, k.Scope)
}
