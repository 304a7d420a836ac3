package gan

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// A notebook whose variables live on from cell to cell asks a value that is more than its memory for a stand-in, by Kept,
// and the stand-in for the value again, by Restored, in the process of a later cell. Stand-ins are plain data; what they
// point to (data set, backend, store) is kept too, and stays one thing for all that point to it.

// keptTrainer stands in for a Trainer. It is what a checkpoint has, and what the experiment is made of; the step comes
// from the compile cache.
type keptTrainer struct {
	Experiment  Experiment
	Identity    Signature // of Experiment; empty where it has none
	Backend     compute.Backend
	Images      int         // in the data set
	Values      []keptValue // of all variables but the data set's; none where they are not drawn yet
	Step, Calls int
	Settings    []float64
	Good        string   // the last checkpoint
	PrivacyKey  [32]byte // with Privacy
	Spent       spending // likewise
	Failure     string   // why the state cannot be trusted, or ""
}

// keptValue is a variable of the store.
type keptValue struct {
	Path      string
	Shape     shapes.Shape
	Trainable bool
	Data      []byte
}

// restoredValue is what a variable was given when its trainer was restored.
type restoredValue struct {
	tensor *tensors.Tensor
	from   []byte
}

// Kept returns what a notebook keeps of the trainer between two cells: weights, optimizers, averages, settings and the
// place in the run, to the bit.
func (t *Trainer) Kept() (any, error) {
	k := keptTrainer{Experiment: t.exp, Identity: t.identify(), Backend: t.backend, Images: t.images, Step: t.step, Calls: t.calls,
		Settings: slices.Clone(t.settings), Good: t.good}
	if t.private != nil {
		k.PrivacyKey, k.Spent = t.private.key, t.private.spent
	}
	switch {
	case t.failed != nil:
		k.Failure = t.failed.Error()
		return k, nil
	case t.pending != nil:
		k.Values = t.pending.Values
		return k, nil
	case !t.drawn:
		return k, nil
	}
	for v := range t.variables() {
		value, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Path(), err)
		}
		kept := keptValue{Path: v.Path(), Shape: v.Shape(), Trainable: v.Trainable}
		if was, found := t.restored[v.Path()]; found && was.tensor == value { // no step has been made since
			kept.Data = was.from
		} else if kept.Data, err = content(value, t.backend); err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Path(), err)
		}
		k.Values = append(k.Values, kept)
	}
	return k, nil
}

// Restored returns the trainer again. It is built when it is first used, so that a cell which only reaches it pays nothing.
func (k keptTrainer) Restored() (any, error) {
	t := &Trainer{exp: k.Experiment, backend: k.Backend, images: k.Images, step: k.Step, calls: k.Calls, epoch: -1, settings: k.Settings,
		good: k.Good, pending: &k}
	if k.Identity.Parts != nil {
		t.identity = &k.Identity
	}
	if t.exp.Privacy.on() {
		t.private = &private{key: k.PrivacyKey, spent: k.Spent}
	}
	if k.Failure != "" {
		t.failed = errors.New(k.Failure)
	}
	return t, nil
}

// identify is the signature of the trainer's experiment, without its data's content; empty where it cannot be told.
func (t *Trainer) identify() Signature {
	if t.identity == nil {
		t.identity = &Signature{}
		if images, err := t.exp.Data.Load(); err == nil {
			if of, err := t.exp.SignatureOn(shapeOf(t.exp.Data.Name, images)); err == nil {
				t.identity = &of
			}
		}
	}
	return *t.identity
}

// open builds a trainer that was restored, when it is first used; meanwhile is as for build. A function that was redefined
// since is named, and never taken for what the weights were trained by.
func (t *Trainer) open(meanwhile func() error) error {
	if t.pending == nil {
		return nil
	}
	images, err := t.exp.Data.Load()
	if err != nil {
		return err
	}
	if before := t.pending.Identity; before.Parts != nil {
		now, err := t.exp.SignatureOn(shapeOf(t.exp.Data.Name, images))
		if err != nil {
			return err
		}
		if differences := now.Differences(before); len(differences) > 0 {
			return fmt.Errorf("experiment %q is another one than when this trainer was made (%v): make a trainer anew, or undo the change",
				t.exp.Name, differences[0])
		}
	}
	if t.private != nil {
		t.private.privateExecs = privateExecs{}
	}
	if len(t.pending.Values) == 0 {
		meanwhile = t.compile // which finds the variables
	}
	if err := t.build(images, nil, t.pending.Values, meanwhile); err != nil {
		return err
	}
	t.pending = nil
	return nil
}

// restore gives the store its variables, in the order in which they were made, and begins to copy their values to the device.
// The function that it returns waits until they are there.
func (t *Trainer) restore(values []keptValue) (wait func() error) {
	if len(values) == 0 {
		return func() error { return nil }
	}
	variables, arrived := make([]*model.Variable, len(values)), make([]*tensors.Tensor, len(values))
	for i, kept := range values {
		variables[i] = t.store.GetVariable(kept.Path) // of the random state, which the store has from its beginning
		if variables[i] == nil {
			variables[i] = t.store.VariableWithShape(kept.Path, kept.Shape, initializer.Zero).SetTrainable(kept.Trainable)
		}
	}
	failed := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < len(values) && err == nil; i++ {
			arrived[i], err = onDevice(t.backend, values[i].Shape, values[i].Data)
		}
		failed <- err
	}()
	return func() error {
		err := <-failed
		t.restored = map[string]restoredValue{}
		for i := 0; i < len(values) && err == nil; i++ {
			err = variables[i].SetValue(arrived[i])
			t.restored[values[i].Path] = restoredValue{arrived[i], values[i].Data}
		}
		if err != nil {
			return fmt.Errorf("kept weights: %w", err)
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
	var flat any
	if at := unsafe.Pointer(unsafe.SliceData(data)); len(data) >= largeValue && uintptr(at)%alignment == 0 { // as mapped memory is
		flat = dtypes.UnsafeAnySliceFromBytes(at, shape.DType, shape.Size())
	} else {
		flat = dtypes.MakeAnySlice(shape.DType, shape.Size())
		copy(dtypes.UnsafeByteSliceFromAny(flat), data)
	}
	buffer, err := backend.BufferFromFlatData(0, flat, shape)
	if err != nil {
		return nil, err
	}
	return tensors.FromBuffer(buffer)
}

const (
	largeValue = 64 << 10 // bytes from which a value is worth seeing as numbers where it lies
	alignment  = 16       // of the largest numbers, in bytes
)

// content copies a value from where it lies.
func content(value *tensors.Tensor, backend compute.Backend) (data []byte, err error) {
	if value.HasLocal() || value.Size() == 0 {
		err = value.ConstBytes(func(local []byte) { data = slices.Clone(local) })
		return data, err
	}
	buffer, err := value.Buffer(backend, 0)
	if err != nil {
		return nil, err
	}
	flat := dtypes.MakeAnySlice(value.DType(), value.Size())
	return dtypes.UnsafeByteSliceFromAny(flat), buffer.ToFlatData(flat)
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
