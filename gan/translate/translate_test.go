package translate_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
	"gantry.local/gan/translate"
)

const side = 8

// quarters are the 16 images whose quarters are each black or white.
func quarters() *sample.Images {
	images := &sample.Images{N: 16, Height: side, Width: side, Channels: 1}
	for image := range images.N {
		for pixel := range side * side {
			quarter := pixel/side/(side/2)*2 + pixel%side/(side/2)
			images.Pixels = append(images.Pixels, byte(255*(image>>quarter&1)))
		}
	}
	return images
}

func good() sample.Images {
	images := quarters()
	return sample.Images{Values: images.Floats(0, images.N), N: images.N, Height: side, Width: side, Channels: 1}
}

func network(scope *model.Scope, x *Node) *Node {
	x = net.LeakyReLU(net.Dense(scope.In("hidden"), net.Flatten(x), 48), 0.2)
	return Reshape(Tanh(net.Dense(scope.In("output"), x, side*side)), -1, side, side, 1)
}

func critic(scope *model.Scope, x *Node) *Node {
	return net.Dense(scope.In("logit"), net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 16), 0.2), 1)
}

func quartersOf(degrade translate.Degradation) translate.Experiment {
	adam := optim.NewAdam(3e-3, 0.5, 0.999)
	return translate.Experiment{
		Data: data.Of("quarters", quarters()), Degrade: degrade, Network: network, Critic: critic, L1Weight: 20,
		NetworkOptimizer: adam, CriticOptimizer: optim.NewAdam(1e-3, 0.5, 0.999), BatchSize: 16, Seed: 3,
	}
}

func trainer(t testing.TB, backend compute.Backend, exp translate.Experiment) *train.Trainer {
	t.Helper()
	made, err := train.New(backend, exp)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func meanDifference(a, b []float32) float64 {
	var sum float64
	for i, v := range a {
		sum += math.Abs(float64(v - b[i]))
	}
	return sum / float64(len(a))
}

// TestTrain wants each kind of damage undone far better than it is left alone.
func TestTrain(t *testing.T) {
	backend := gantest.Go(t)
	for _, degrade := range []translate.Degradation{
		translate.Noise{Sigma: 0.5}, translate.Mask{Top: 2, Left: 2, Height: 3, Width: 4}, translate.Half{},
	} {
		t.Run(degrade.String(), func(t *testing.T) {
			of := trainer(t, backend, quartersOf(degrade))
			progress := tiny.Steps(t, of, 200)
			if last := progress[199]; last.Step != 200 || of.Step() != 200 || !(last.Value(translate.Difference) < progress[0].Value(translate.Difference)/4) || last.Value(method.CriticLoss) == 0 {
				t.Errorf("from %v to %v", progress[0], last)
			}
			damaged, err := translate.Damage(backend, degrade, good(), 1)
			if err != nil {
				t.Fatal(err)
			}
			restored, err := of.Apply(translate.NetworkName, damaged)
			if err != nil || restored.Height != side || restored.N != 16 {
				t.Fatalf("%d images of %d×%d, %v", restored.N, restored.Height, restored.Width, err)
			}
			if got := meanDifference(restored.Values, good().Values); !(got < 0.1) {
				t.Errorf("restored images are %g off on average", got)
			}
		})
	}
}

// TestRepeats wants the same losses of the same seed, and others of another.
func TestRepeats(t *testing.T) {
	backend, exp := gantest.Go(t), quartersOf(translate.Noise{Sigma: 1})
	first := tiny.Steps(t, trainer(t, backend, exp), 3)
	if again := tiny.Steps(t, trainer(t, backend, exp), 3); !reflect.DeepEqual(first, again) {
		t.Errorf("%v, then %v", first, again)
	}
	exp.Seed++
	if other := tiny.Steps(t, trainer(t, backend, exp), 3); reflect.DeepEqual(first, other) {
		t.Error("another seed gave the same run")
	}
}

// TestL1Alone wants a run without a critic to report none.
func TestL1Alone(t *testing.T) {
	exp := quartersOf(translate.Half{})
	exp.Critic = nil
	progress := tiny.Steps(t, trainer(t, gantest.Go(t), exp), 20)
	last := progress[19]
	if last.Value(method.CriticLoss) != 0 || math.Abs(last.Value(translate.NetworkLoss)-20*last.Value(translate.Difference)) > 1e-5 || !(last.Value(translate.Difference) < progress[0].Value(translate.Difference)) {
		t.Errorf("from %v to %v", progress[0], last)
	}
	if !strings.HasPrefix(last.String(), "19 [network: ") {
		t.Errorf("progress reads %v", last)
	}
}

// TestPairedLoss runs a loss that compares restored with good logits, on XLA.
func TestPairedLoss(t *testing.T) {
	exp := quartersOf(translate.Half{})
	exp.Loss = loss.Paired
	exp.Data = data.Of("values", &sample.Images{Values: good().Values, N: 16, Height: side, Width: side, Channels: 1})
	if progress := tiny.Steps(t, trainer(t, gantest.XLA(t), exp), 5); !(progress[4].Value(method.CriticLoss) > 0) {
		t.Errorf("progress %v", progress)
	}
}

// constants are no random numbers: ones.
type constants struct{ g *Graph }

func (c constants) Uniform(shape shapes.Shape) *Node { return Ones(c.g, shape) }
func (c constants) Normal(shape shapes.Shape) *Node  { return Ones(c.g, shape) }

func TestDegradations(t *testing.T) {
	backend := gantest.Go(t)
	x := make([]float32, 16)
	for i := range x {
		x[i] = float32(i + 1)
	}
	apply := func(d translate.Degradation) (*tensors.Tensor, error) {
		return CallOnce(backend, func(x *Node) *Node { return d.Apply(x, constants{x.Graph()}) },
			tensors.FromFlatDataAndDimensions(x, 1, 4, 4, 1))
	}
	for _, c := range []struct {
		degrade translate.Degradation
		dims    []int
		want    []float32
		name    string
	}{
		{translate.Noise{Sigma: 0.5}, []int{1, 4, 4, 1},
			[]float32{1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5, 12.5, 13.5, 14.5, 15.5, 16.5}, "noise sigma 0.5"},
		{translate.Mask{Top: 1, Left: 2, Height: 2, Width: 1}, []int{1, 4, 4, 1},
			[]float32{1, 2, 3, 4, 5, 6, 0, 8, 9, 10, 0, 12, 13, 14, 15, 16}, "mask of 2×1 at row 1, column 2"},
		{translate.Half{}, []int{1, 2, 2, 1}, []float32{3.5, 5.5, 11.5, 13.5}, "half"},
	} {
		out, err := apply(c.degrade)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tensors.CopyFlatData[float32](out)
		if err != nil || !slices.Equal(got, c.want) || !slices.Equal(out.Shape().Dimensions, c.dims) || c.degrade.String() != c.name {
			t.Errorf("%v: %v, %v, want %v", c.degrade, got, err, c.want)
		}
	}
	if _, err := apply(translate.Mask{Top: 3, Height: 2, Width: 1}); err == nil || !strings.Contains(err.Error(), "does not lie in images of 4×4") {
		t.Errorf("a mask beyond the image: %v", err)
	}
}

func TestRefuses(t *testing.T) {
	backend := gantest.Go(t)
	for _, c := range []struct {
		want  string
		spoil func(*translate.Experiment)
	}{
		{"has no Data", func(e *translate.Experiment) { e.Data = data.Set{} }},
		{"needs a Degrade and a Network", func(e *translate.Experiment) { e.Degrade = nil }},
		{"needs a Degrade and a Network", func(e *translate.Experiment) { e.Network = nil }},
		{"L1Weight -1", func(e *translate.Experiment) { e.L1Weight = -1 }},
		{"BatchSize -1", func(e *translate.Experiment) { e.BatchSize = -1 }},
		{"no such file", func(e *translate.Experiment) {
			e.Data.Load = func() (*sample.Images, error) { return nil, errors.New("no such file") }
		}},
		{"the network makes", func(e *translate.Experiment) {
			e.Network = func(_ *model.Scope, x *Node) *Node { return Reshape(x, -1, 1) }
		}},
		{"cannot be halved evenly", func(e *translate.Experiment) {
			e.Data = data.Of("odd", &sample.Images{Pixels: make([]byte, 16*9), N: 16, Height: 3, Width: 3, Channels: 1})
		}},
	} {
		exp := quartersOf(translate.Half{})
		c.spoil(&exp)
		if _, err := train.New(backend, exp); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
	of := trainer(t, backend, quartersOf(translate.Half{}))
	for _, err := range of.Train(t.Context(), -1) {
		if err == nil {
			t.Error("-1 steps are no error")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range of.Train(ctx, 10) {
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) || of.Step() != 1 {
		t.Errorf("cancelled in step 1: %d steps, %v", of.Step(), last)
	}
	if _, err := of.Apply(translate.NetworkName, sample.Images{N: 1, Height: 2, Width: 2, Channels: 1}); err == nil {
		t.Error("images without values are no error")
	}
	if _, err := of.Apply(translate.NetworkName, sample.Images{Values: make([]float32, 9), N: 1, Height: 3, Width: 3, Channels: 1}); err == nil || !strings.Contains(err.Error(), "apply network") {
		t.Errorf("images of another size: %v", err)
	}
	if _, err := translate.Damage(backend, translate.Half{}, sample.Images{Values: make([]float32, 9), N: 1, Height: 3, Width: 3, Channels: 1}, 1); err == nil {
		t.Error("halving images of an odd size is no error")
	}
}

// TestDiverges wants a run whose losses are no longer finite to say so, and to stay ended.
func TestDiverges(t *testing.T) {
	exp := quartersOf(translate.Half{})
	exp.Network = func(scope *model.Scope, x *Node) *Node { return MulScalar(network(scope, x), math.Inf(1)) }
	of := trainer(t, gantest.Go(t), exp)
	for range 2 {
		for _, err := range of.Train(t.Context(), 3) {
			if err == nil || !strings.Contains(err.Error(), "no longer finite") {
				t.Errorf("got %v", err)
			}
		}
	}
	if _, err := of.Apply(translate.NetworkName, good()); err == nil || of.Step() != 1 {
		t.Errorf("after %d steps, the network still answers: %v", of.Step(), err)
	}
}
