package method_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// parityTolerance bounds ‖ours - PyTorch's‖ / ‖PyTorch's‖ for every parameter after one step; PyTorch computes in float64,
// from images and latents that leave no ReLU and no pool to be decided by rounding.
const parityTolerance = 1e-5

// hashed is the function of the same name in testdata/parity.py.
func hashed(stream uint64, n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		x := stream<<32 + uint64(i) + 0x9E3779B97F4A7C15
		x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
		x = (x ^ x>>27) * 0x94D049BB133111EB
		x ^= x >> 31
		values[i] = float64(x>>40) / (1 << 24)
	}
	return values
}

func uniform(stream uint64, n int, limit float64) []float32 {
	values := make([]float32, n)
	for i, h := range hashed(stream, n) {
		values[i] = float32((h*2 - 1) * limit)
	}
	return values
}

// parityLayers lists the article's layers in the order in which testdata/parity.py numbers their streams.
func parityLayers() []string {
	return []string{"generator/dense_0", "generator/dense_1", "generator/dense_2", "generator/dense_3",
		"generator/output", "critic/conv_0", "critic/conv_1", "critic/logit"}
}

func parityTrainer(t *testing.T, backend compute.Backend, order method.Method, seed uint64) *train.Trainer {
	t.Helper()
	const batch = 8
	pixels := make([]byte, batch*28*28)
	for i, h := range hashed(1000*seed+1, len(pixels)) {
		// The background of zeros gives the pooling equal values, as MNIST's does.
		if row, column := i/28%28, i%28; min(row, column) >= 6 && max(row, column) < 22 {
			pixels[i] = byte(h * 256)
		}
	}
	images := &sample.Images{Pixels: pixels, N: batch, Height: 28, Width: 28, Channels: 1}
	adam := optim.Adam{Rate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7}
	exp := gan.Experiment{Name: "parity", Data: data.Of("hashed", images), Generator: net.MLPGenerator,
		Critic: net.ConvCritic, Method: order, BatchSize: batch, Optimizers: gan.Both(adam)}

	draws := uint64(0)
	trainer, err := train.NewWithLatents(backend, exp, func(g *graph.Graph) *graph.Node {
		z := tensors.FromFlatDataAndDimensions(uniform(1000*seed+2+draws, batch*100, 1.7), batch, 100)
		draws++
		return graph.ConstTensor(g, z)
	})
	if err != nil {
		t.Fatal(err)
	}
	for stream, layer := range parityLayers() {
		weights := trainer.Store().GetVariable("/" + layer + "/weights")
		dims := weights.Shape().Dimensions
		out := dims[len(dims)-1]
		limit := math.Sqrt(6 / float64(weights.Shape().Size()/out+out))
		w := tensors.FromFlatDataAndDimensions(uniform(100+uint64(stream), weights.Shape().Size(), limit), dims...)
		b := tensors.FromFlatDataAndDimensions(uniform(200+uint64(stream), out, 0.1), out)
		if err := errors.Join(weights.SetValue(w), trainer.Store().GetVariable("/"+layer+"/biases").SetValue(b)); err != nil {
			t.Fatal(err)
		}
	}
	return trainer
}

// TestParityWithPyTorch runs one training step of the article's networks from the weights, images and latents of
// testdata/parity.py and compares the losses and every parameter with PyTorch's.
func TestParityWithPyTorch(t *testing.T) {
	fixture, err := safetensors.Load("testdata/parity.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	want := func(name string) []float32 {
		stored, found := fixture.Tensor(name)
		if !found {
			t.Fatalf("the fixture has no %q; make it again with testdata/parity.py", name)
		}
		values := make([]float32, len(stored.Data)/4)
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(stored.Data[4*i:]))
		}
		return values
	}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, order := range []method.Method{method.Alternating{}, method.Halves{}, method.Simultaneous{}} {
			t.Run(order.String(), func(t *testing.T) {
				trainer := parityTrainer(t, backend, order, uint64(want("seed")[0]))
				before := map[string][]float32{}
				for _, name := range parityNames() {
					before[name] = parameter(trainer, name)
				}
				for p, err := range trainer.Train(context.Background(), 1) {
					if err != nil {
						t.Fatal(err)
					}
					losses := want(order.String() + "/losses")
					got := []float32{float32(p.Value(method.CriticLoss)), float32(p.Value(method.GeneratorLoss))}
					if worst := distance(got, losses); worst > parityTolerance {
						t.Errorf("losses %v, PyTorch's %v", got, losses)
					}
				}
				worst, worstChange := 0.0, 0.0
				for _, name := range parityNames() {
					key := order.String() + "/" + name
					after := parameter(trainer, name)
					stride := (len(after) + 1023) / 1024
					var sampled []float32
					for i := 0; i < len(after); i += stride {
						sampled = append(sampled, after[i])
					}
					off := distance(sampled, want(key))
					worst = max(worst, off)
					if off > parityTolerance {
						t.Errorf("%s is off by %.1e of its norm, want ≤ %.0e", name, off, parityTolerance)
					}
					change, wantChange := difference(after, before[name]), float64(want(key + "/change")[0])
					offChange := math.Abs(change-wantChange) / wantChange
					worstChange = max(worstChange, offChange)
					if offChange > 1e-4 {
						t.Errorf("%s changed by norm %g, PyTorch's by %g", name, change, wantChange)
					}
				}
				t.Logf("largest relative difference: parameter %.1e, norm of its change %.1e", worst, worstChange)
			})
		}
	})
}

func parityNames() []string {
	var names []string
	for _, layer := range parityLayers() {
		names = append(names, layer+"/weights", layer+"/biases")
	}
	return names
}

func parameter(t *train.Trainer, name string) []float32 {
	return tensors.MustCopyFlatData[float32](t.Store().GetVariable("/" + name).MustValue())
}

// distance is ‖a - b‖ / ‖b‖.
func distance(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	return difference(a, b) / difference(b, make([]float32, len(b)))
}

// difference is ‖a - b‖.
func difference(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}
