package method

import (
	"fmt"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/sample"
)

// separate returns an error unless the critic judges each image by itself, as Privacy needs: one that names the statistics
// of images that it keeps, or says that it compares the images of a batch. The first is seen in its graph, the second by
// trying: with random weights, one of a batch of random images is exchanged, and no other's logit may change.
func (u *PrivateUpdates) separate(backend compute.Backend, images *sample.Images) error {
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(1); err != nil {
		return err
	}
	const (
		mostTried = 64
		rounding  = 1e-5
	)
	n := min(max(u.game.BatchSize, 2), mostTried)
	shape := shapes.Make(dtypes.Float32, n, images.Height, images.Width, images.Depth())
	judge := func(x *Node) *Node {
		store.SetTraining(x.Graph(), true)
		return u.pair.Critic(store.Scope("/"+CriticName), x, nil)
	}
	kept := ""
	looked, err := model.NewExec(backend, store, func(_ *model.Scope, x *Node) *Node {
		defer tracing.PanicWithError()
		logits := judge(x)
		for v := range store.IterVariables() {
			if v.ChangedInGraph(x.Graph()) && tracing.DependsOn(v.NodeValue(x), x) {
				kept = v.Path()[1:]
			}
		}
		return logits
	})
	if err != nil {
		return err
	}
	defer looked.Finalize()
	if _, err := looked.Compile(shape); err != nil {
		return err
	}
	if kept != "" {
		return fmt.Errorf("Privacy: the critic keeps statistics of real images (%s), which no noise covers: use net.LayerNorm or no "+
			"normalisation in it", kept)
	}
	if err := store.InitializeVariables(backend, nil); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	everything := func([]float32) bool { return true } // what starts at 0 must not hide a layer
	if err := Shake(store, CriticName, random, 0.2, everything); err != nil {
		return err
	}
	tried, err := model.NewExec(backend, store, func(_ *model.Scope, x, exchanged *Node) *Node {
		defer tracing.PanicWithError()
		restore := keep(store, x.Graph(), CriticName, model.RNGStateVariableName)
		before := judge(x)
		restore()
		// Of each image, and beside the logits' size, so that rounding is no change.
		change := ReduceMax(Abs(Sub(before, judge(exchanged))), -1)
		return Div(change, AddScalar(ReduceAllMax(Abs(before)), 1))
	})
	if err != nil {
		return err
	}
	defer tried.Finalize()
	drawn := func() []float32 {
		values := make([]float32, shape.Size())
		for i := range values {
			values[i] = float32(random.NormFloat64())
		}
		return values
	}
	x := drawn()
	exchanged := append(drawn()[:shape.Size()/n], x[shape.Size()/n:]...)
	out, err := tried.Call1(tensors.FromFlatDataAndDimensions(x, shape.Dimensions...),
		tensors.FromFlatDataAndDimensions(exchanged, shape.Dimensions...))
	if err != nil {
		return err
	}
	changes, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		return err
	}
	for _, change := range changes[1:] {
		if !(change <= rounding) {
			return fmt.Errorf("Privacy: the critic compares the images of a batch (the logit of one changes with another), so that " +
				"clipping one image's gradient does not bound what it does: leave out net.MinibatchStdDev or the like")
		}
	}
	return nil
}

// Shake adds random numbers of a deviation to the trainable weights of a network whose values ask for it.
func Shake(store *model.Store, network string, random *rand.Rand, deviation float64, asks func(values []float32) bool) error {
	for _, v := range Trainable(store, network) {
		value, err := v.Value()
		if err != nil {
			return err
		}
		numbers, err := tensors.CopyFlatData[float32](value)
		if err != nil {
			return err
		}
		if !asks(numbers) {
			continue
		}
		for i := range numbers {
			numbers[i] += float32(random.NormFloat64() * deviation)
		}
		if err := v.SetValue(tensors.FromFlatDataAndDimensions(numbers, v.Shape().Dimensions...)); err != nil {
			return err
		}
	}
	return nil
}
