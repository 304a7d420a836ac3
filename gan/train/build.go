package train

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/method"
	"gantry.local/gan/sample"
)

// dataScope is where the data sets lie in the store. Everything outside of it belongs in a checkpoint.
const dataScope = "/data"

// LatentSource makes the latents of a step's next batch in its graph, [batch, latent] float32.
type LatentSource = func(*graph.Graph) *graph.Node

// build makes all that computes. The variables have the given values, if any. Meanwhile, which may be nil, runs while those
// and the data sets are copied to the device, and can wait for them by arrive.
func build(t *Trainer, sets []*sample.Images, latents LatentSource, values []keptValue, meanwhile func(arrive func() error) error) error {
	store := model.NewStore()
	t.compiled = compiled{steps: map[method.Variant]*compiledStep{}, asked: map[string]*model.Exec{}}
	if err := store.SetRNGStateFromSeed(t.game.Seed); err != nil {
		return fmt.Errorf("random state: %w", err)
	}
	t.ground = method.Ground{Store: store, Latents: latents}
	moved, restored := moveToDevice(t, sets), restoreKept(t, values)
	arrive := sync.OnceValue(func() error { return cmp.Or(moved(), restored()) })
	var err error
	if meanwhile != nil {
		err = meanwhile(arrive)
	}
	if failed := arrive(); err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("%q cannot be compiled: %w", t.game.Name, err)
	}
	if t.game.Sampler.Network != "" {
		t.sampler, err = newGenerator(t.backend, t.of, t.game, store, t.game.BestScope(t.game.Sampler.Network))
	}
	return err
}

// compileAndDraw compiles the step that runs first, and gives the state its initial values. They are made beside the step's
// compilation, from when its graph has named all variables: until XLA generates code it keeps one processor busy and no more.
// arrive waits for the data sets. Where the values cannot be made, the state has none yet, and draw will say why.
func compileAndDraw(t *Trainer, arrive func() error) error {
	if t.driver != nil { // which looks at the store while it compiles
		return compile(t)
	}
	var made func() ([]*tensors.Tensor, error)
	var wanted []*model.Variable
	random := t.ground.Store.GetVariable("/" + model.RNGStateVariableName)
	t.compiled.traced = func() {
		if arrive() != nil { // which build says
			return
		}
		for v := range t.ground.Store.IterVariables() {
			if !v.HasValue() {
				wanted = append(wanted, v)
			}
		}
		made = initialValues(t, random)
	}
	err := compile(t)
	t.compiled.traced = nil
	if made == nil {
		return err
	}
	values, undrawn := made()
	if err != nil || undrawn != nil {
		return err
	}
	if len(values) == len(wanted)+1 { // something is random, and its state comes first
		wanted = slices.Insert(wanted, 0, random)
	}
	if len(values) != len(wanted) {
		return nil
	}
	for i, v := range wanted {
		if err := v.SetValue(values[i]); err != nil {
			return fmt.Errorf("initial weights: %w", err)
		}
	}
	t.place.drawn = true
	return beginAverages(t, nil)
}

// compile compiles the step that runs first.
func compile(t *Trainer) error {
	t.compiled.steps = map[method.Variant]*compiledStep{}
	return compileFor(t, t.game.VariantOf(0, ""))
}

// compileFor compiles a variant of the step.
func compileFor(t *Trainer, variant method.Variant) error {
	step, err := stepOf(t, variant)
	if err == nil {
		_, err = step.exec.Compile(t.game.RowsShape(), graph.RNGStateShape, t.game.SettingsShape())
	}
	if err == nil && t.driver != nil { // with all variables there, so that what must keep its value is known
		err = t.driver.Compile(host(t))
	}
	return err
}

// stepOf returns a variant of the step, which is compiled when it is first called.
func stepOf(t *Trainer, variant method.Variant) (*compiledStep, error) {
	if step, found := t.compiled.steps[variant]; found {
		return step, nil
	}
	step := &compiledStep{}
	var err error
	step.exec, err = model.NewExec(t.backend, t.ground.Store, func(_ *model.Scope, rows, state, settings *graph.Node) *graph.Node {
		defer tracing.PanicWithError()
		values, names := t.game.Build(t.ground, variant, method.Inputs{Rows: rows, State: state, Settings: settings})
		step.names = names
		if traced := t.compiled.traced; traced != nil {
			t.compiled.traced = nil
			traced()
		}
		return values
	})
	if err == nil {
		t.compiled.steps[variant] = step
	}
	return step, err
}

// moveToDevice makes the data sets variables of the store that no step changes, and begins to copy them to the device; of a stream,
// room for what a step looks at. The function it returns waits until they are there.
func moveToDevice(t *Trainer, sets []*sample.Images) (wait func() error) {
	var arriving []func() error
	move := func(name string, flat any, shape shapes.Shape) *model.Variable {
		v := t.ground.Store.VariableWithShape(dataScope+"/"+name, shape, initializer.Zero).SetTrainable(false)
		arrived := make(chan error, 1)
		var buffer compute.Buffer
		go func() {
			var err error
			buffer, err = t.backend.BufferFromFlatData(0, flat, shape)
			arrived <- err
		}()
		arriving = append(arriving, func() error {
			if err := <-arrived; err != nil {
				return err
			}
			value, err := tensors.FromBuffer(buffer)
			if err != nil {
				return err
			}
			return v.SetValue(value)
		})
		return v
	}
	for i, images := range sets {
		n, labels, samples, dtype := images.N, images.Labels, any(images.Pixels), dtypes.Uint8
		if images.Values != nil {
			samples, dtype = images.Values, dtypes.Float32
		}
		if t.batches.feed.streams[i] != nil { // room for what a call looks at, see lookedAt
			n = t.batches.perStep()
			labels, samples = make([]int32, n), make([]byte, n*images.Size())
		}
		number := ""
		if i > 0 {
			number = fmt.Sprint(i + 1)
		}
		placed := method.Placed{Depth: images.Depth(), OneHot: images.Alphabet != nil}
		placed.Images = move("images"+number, samples, shapes.Make(dtype, n, images.Height, images.Width, images.Channels))
		if i == 0 && t.game.Classes > 0 {
			placed.Labels = move("labels", labels, shapes.Make(dtypes.Int32, n))
		}
		t.ground.Sets = append(t.ground.Sets, placed)
	}
	return func() (err error) {
		for _, arrive := range arriving {
			err = errors.Join(err, arrive())
		}
		if err != nil {
			err = fmt.Errorf("data set: %w", err)
		}
		return err
	}
}
