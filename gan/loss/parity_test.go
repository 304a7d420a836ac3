package loss_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/gantest"
	"gantry.local/gan/loss"
	"gantry.local/gan/safetensors"
)

// parityTolerance bounds the difference of every value from PyTorch's, as a part of the largest value of its tensor (and
// 1e-7 is allowed where all are 0): ours are float32, PyTorch's float64 rounded to float32.
const parityTolerance = 1e-5

// pytorch is what testdata/parity.py has computed.
type pytorch struct {
	file *safetensors.File
	used map[string]bool
}

func loadPyTorch(t *testing.T) pytorch {
	file, err := safetensors.Load("testdata/parity.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	return pytorch{file, map[string]bool{}}
}

// compare checks got against the tensor called name and returns the difference as a part of its largest value.
func (p pytorch) compare(t *testing.T, name string, got *tensors.Tensor) float64 {
	t.Helper()
	stored, found := p.file.Tensor(name)
	if !found {
		t.Fatalf("the fixture has no %q; make it again with testdata/parity.py", name)
	}
	p.used[name] = true
	if fmt.Sprint(stored.Shape) != fmt.Sprint(got.Shape().Dimensions) {
		t.Fatalf("%s has shape %v, PyTorch's %v", name, got.Shape().Dimensions, stored.Shape)
	}
	largest, off := 0.0, 0.0
	for i, value := range tensors.MustCopyFlatData[float32](got) {
		want := float64(math.Float32frombits(binary.LittleEndian.Uint32(stored.Data[4*i:])))
		largest, off = max(largest, math.Abs(want)), max(off, math.Abs(float64(value)-want))
	}
	if !(off <= parityTolerance*largest+1e-7) {
		t.Errorf("%s is off by %.1e, PyTorch's largest value is %.1e", name, off, largest)
	}
	if largest == 0 {
		return 0
	}
	return off / largest
}

// complete fails if the fixture has results that nothing was compared with.
func (p pytorch) complete(t *testing.T, belongs func(name string) bool) {
	for _, stored := range p.file.Tensors {
		if belongs(stored.Name) && !p.used[stored.Name] {
			t.Errorf("%s of the fixture was compared with nothing", stored.Name)
		}
	}
}

// ofLoss tells the fixture's losses from its penalties.
func ofLoss(name string) bool {
	return strings.Contains(name, "/critic") || strings.Contains(name, "/generator")
}

// TestLossesMatchPyTorch compares every loss and its gradients by the logits, ±100 among them.
func TestLossesMatchPyTorch(t *testing.T) {
	want := loadPyTorch(t)
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		extremes := []float64{-100, 100, 0, 1.5}
		real, fake := copied(between(10, 5, 12, 1)), copied(between(11, 5, 12, 1))
		for _, extreme := range extremes {
			real, fake = append(real, extreme), append(fake, -extreme)
		}
		logits := as(dtypes.Float32, columns(real), columns(fake))
		worst := 0.0
		for _, l := range append(loss.All(), loss.Smoothed{RealLabel: 0.8, FakeLabel: 0.1, Saturating: true}) {
			exec := MustNewExec(backend, func(real, fake *Node) []*Node {
				c, g := l.Critic(real, fake), generator(l, real, fake)
				return append(append([]*Node{c, g}, Gradient(c, real, fake)...), Gradient(g, fake, real)...)
			})
			names := []string{"critic", "generator", "critic by real", "critic by fake", "generator by fake", "generator by real"}
			if _, separable := l.(loss.Halves); separable {
				names = names[:5]
			}
			out := exec.MustCall(logits...)
			for i, name := range names {
				worst = max(worst, want.compare(t, l.String()+"/"+name, out[i]))
			}
		}
		t.Logf("largest difference: %.1e", worst)
	})
	want.complete(t, ofLoss)
}

// TestPenaltiesMatchPyTorch compares every penalty of a perceptron of three layers, and its gradients by all weights.
func TestPenaltiesMatchPyTorch(t *testing.T) {
	const batch, height, width, channels = 4, 5, 4, 2
	want := loadPyTorch(t)
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		exec := MustNewExec(backend, func(inputs []*Node) []*Node {
			critic := func(x *Node) *Node {
				for layer, activation := range []func(*Node) *Node{Tanh, leaky, linear} {
					x = activation(Add(MatMul(flat(x), inputs[2*layer]), InsertAxes(inputs[2*layer+1], 0)))
				}
				return x
			}
			var outputs []*Node
			for _, term := range all(t, critic, inputs[6], inputs[7], inputs[8], inputs[9], inputs[10]) {
				outputs = append(append(outputs, term), Gradient(term, inputs[:6]...)...)
			}
			return outputs
		})
		var inputs []*tensors.Tensor
		widths := []int{height * width * channels, 8, 4, 1}
		for layer, in := range widths[:3] {
			inputs = append(inputs, between(100+uint64(layer), 2/math.Sqrt(float64(in)), in, widths[layer+1]),
				between(200+uint64(layer), 0.1, widths[layer+1]))
		}
		inputs = append(inputs, between(1, 1, batch, height, width, channels), between(2, 1, batch, height, width, channels),
			tensors.FromFlatDataAndDimensions(hashed(4, batch), batch, 1, 1, 1), between(3, 1.5, batch, height, width, channels),
			tensors.FromFlatDataAndDimensions(hashed(5, 2*batch), batch, 2))
		out := exec.MustCall(as(dtypes.Float32, inputs...)...)
		worst := 0.0
		for k, p := range loss.Penalties() {
			name, _, _ := strings.Cut(p.String(), " weight ")
			worst = max(worst, want.compare(t, name, out[7*k]))
			for i := range 6 {
				worst = max(worst, want.compare(t, fmt.Sprintf("%s/%d", name, i), out[7*k+1+i]))
			}
		}
		t.Logf("largest difference: %.1e", worst)
	})
	want.complete(t, func(name string) bool { return !ofLoss(name) })
}
