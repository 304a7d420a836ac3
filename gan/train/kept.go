package train

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

	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/gan/sample"
)

// A notebook whose variables live on from cell to cell asks a value that is more than its memory for a stand-in, by Kept,
// and the stand-in for the value again, by Restored, in the process of a later cell. Stand-ins are plain data; what they
// point to (data set, backend, store) is kept too, and stays one thing for all that point to it.

// kept is what a trainer knows that a notebook has kept.
type kept struct {
	pending  *keptTrainer             // what it is built from when it is first used; nil once it is
	restored map[string]restoredValue // by path: what the variables were given
	identity *lint.Signature          // of the game; nil where it was not looked at yet
}

// keptTrainer stands in for a Trainer. It is what a checkpoint has, and what the game is made of; the step comes from the compile
// cache.
type keptTrainer struct {
	Of          method.Description
	Identity    lint.Signature // of Of; empty where it has none
	Backend     compute.Backend
	Samples     []int       // in each data set
	Values      []keptValue // of all variables but the data sets'; none where they are not drawn yet
	Step, Calls int
	Settings    []float64
	Good        string            // the last checkpoint
	Driver      map[string]string // its state, where there is one
	Failure     string            // why the state cannot be trusted, or ""
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

// keep is Trainer.Kept.
func keep(t *Trainer) (any, error) {
	k := keptTrainer{Of: t.of, Identity: identify(t), Backend: t.backend, Samples: t.batches.samples, Step: t.place.step,
		Calls: t.place.calls, Settings: slices.Clone(t.settings), Good: t.place.good, Driver: driverState(t)}
	switch {
	case t.failed != nil:
		k.Failure = t.failed.Error()
		return k, nil
	case t.kept.pending != nil:
		k.Values = t.kept.pending.Values
		return k, nil
	case !t.place.drawn:
		return k, nil
	}
	for v := range variables(t) {
		value, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Path(), err)
		}
		kept := keptValue{Path: v.Path(), Shape: v.Shape(), Trainable: v.Trainable}
		if was, found := t.kept.restored[v.Path()]; found && was.tensor == value { // no step has been made since
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
	game, err := k.Of.Game()
	if err != nil {
		return nil, err
	}
	t := &Trainer{of: k.Of, game: game, backend: k.Backend, batches: newBatches(game, k.Samples), settings: k.Settings,
		place: place{step: k.Step, calls: k.Calls, good: k.Good}, kept: kept{pending: &k}}
	if k.Identity.Parts != nil {
		t.kept.identity = &k.Identity
	}
	if t.driver = driverOf(game); t.driver != nil {
		apply, err := t.driver.Read(k.Driver, host(t), k.Calls)
		if err != nil {
			return nil, err
		}
		apply()
	}
	if k.Failure != "" {
		t.failed = errors.New(k.Failure)
	}
	return t, nil
}

// identify is the signature of the trainer's game, without its data's content; empty where it cannot be told.
func identify(t *Trainer) lint.Signature {
	if t.kept.identity == nil {
		t.kept.identity = &lint.Signature{}
		if _, sets, _, err := load(t.game); err == nil {
			if of, err := signature(t, sets); err == nil {
				t.kept.identity = &of
			}
		}
	}
	return *t.kept.identity
}

// signature tells what the trainer's description is by what it computes on data sets of these shapes.
func signature(t *Trainer, sets []*sample.Images) (lint.Signature, error) {
	var shapes []lint.DataShape
	for i, images := range sets {
		shapes = append(shapes, lint.ShapeOf(t.game.Data[i].Name, images))
	}
	return lint.SignatureOf(t.of, shapes)
}

// open builds a trainer that was restored, when it is first used; meanwhile is as for build. A function that was redefined
// since is named, and never taken for what the weights were trained by.
func open(t *Trainer, meanwhile func(arrive func() error) error) error {
	if t.kept.pending == nil {
		return nil
	}
	game, sets, streams, err := load(t.game)
	if err != nil {
		return err
	}
	t.game, t.batches.feed.streams = game, streams
	if before := t.kept.pending.Identity; before.Parts != nil {
		now, err := signature(t, sets)
		if err != nil {
			return err
		}
		if differences := now.Differences(before); len(differences) > 0 {
			return fmt.Errorf("experiment %q is another one than when this trainer was made (%v): make a trainer anew, or undo the change",
				t.game.Name, differences[0])
		}
	}
	if t.driver != nil {
		t.driver.Release()
	}
	if len(t.kept.pending.Values) == 0 {
		meanwhile = func(func() error) error { return compile(t) } // which finds the variables
	}
	if err := build(t, sets, nil, t.kept.pending.Values, meanwhile); err != nil {
		return err
	}
	t.kept.pending = nil
	return nil
}

// restore gives the store its variables, in the order in which they were made, and begins to copy their values to the device.
// The function that it returns waits until they are there.
func restoreKept(t *Trainer, values []keptValue) (wait func() error) {
	if len(values) == 0 {
		return func() error { return nil }
	}
	variables, arrived := make([]*model.Variable, len(values)), make([]*tensors.Tensor, len(values))
	for i, kept := range values {
		variables[i] = t.ground.Store.GetVariable(kept.Path) // of the random state, which the store has from its beginning
		if variables[i] == nil {
			variables[i] = t.ground.Store.VariableWithShape(kept.Path, kept.Shape, initializer.Zero).SetTrainable(kept.Trainable)
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
		t.kept.restored = map[string]restoredValue{}
		for i := 0; i < len(values) && err == nil; i++ {
			err = variables[i].SetValue(arrived[i])
			t.kept.restored[values[i].Path] = restoredValue{arrived[i], values[i].Data}
		}
		if err != nil {
			return fmt.Errorf("kept weights: %w", err)
		}
		t.place.drawn = true
		return clear(t)
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
	Of      method.Description
	Backend compute.Backend
	Store   *model.Store
	Scope   string
}

// Kept returns what a notebook keeps of the generator between two cells. Its weights are those of its Store, which is kept
// as it is.
func (g *Generator) Kept() (any, error) {
	return keptGenerator{Of: g.of, Backend: g.backend, Store: g.store, Scope: g.scope}, nil
}

// Restored returns the generator again.
func (k keptGenerator) Restored() (any, error) {
	game, err := k.Of.Game()
	if err != nil {
		return nil, err
	}
	return newGenerator(k.Backend, k.Of, game, k.Store, k.Scope)
}
