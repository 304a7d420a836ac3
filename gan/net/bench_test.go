package net

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// BenchmarkConvolutions times the three operations of convolutions on XLA at batch 64, as chosen for its CPU backend and as
// matrix products, XLA's own transposed convolution, and, for sizes where GoMLX 0.28.2 is right (odd, stride 1), a whole
// forward and backward pass of ours beside that of its Convolve. The ways take turns, so that a busy machine slows all
// alike, and their medians are reported.
func BenchmarkConvolutions(b *testing.B) {
	const batch = 64
	backend := gantest.XLA(b)
	for _, c := range []struct {
		window
		in, out int
	}{
		{window{28, 28, 4, 2, 1}, 1, 64}, {window{14, 14, 4, 2, 1}, 64, 128}, {window{32, 32, 4, 2, 1}, 3, 64},
		{window{28, 28, 3, 1, 1}, 32, 32}, {window{14, 14, 3, 1, 1}, 64, 64}, {window{7, 7, 3, 1, 1}, 128, 256},
		{window{28, 28, 3, 1, 1}, 64, 1}, {window{28, 28, 3, 1, 0}, 1, 64}, {window{13, 13, 3, 1, 0}, 64, 128},
	} {
		w := c.window
		inputs := []any{tensor(random(1, batch*w.height*w.width*c.in), batch, w.height, w.width, c.in),
			tensor(random(2, w.size*w.size*c.in*c.out), w.size, w.size, c.in, c.out),
			tensor(random(3, batch*w.rows()*w.columns()*c.out), batch, w.rows(), w.columns(), c.out)}
		pass := func(convolve func(x, kernel *Node) *Node) func(x, kernel, y *Node) []*Node {
			return func(x, kernel, y *Node) []*Node {
				z := convolve(x, kernel)
				return append([]*Node{z}, Gradient(ReduceAllSum(Mul(z, y)), x, kernel)...)
			}
		}
		ways := map[string]func(x, kernel, y *Node) []*Node{
			"convolve":         func(x, kernel, _ *Node) []*Node { return []*Node{w.convolved(x, kernel)} },
			"convolve-product": func(x, kernel, _ *Node) []*Node { return []*Node{w.convolvedByProduct(x, kernel)} },
			"transpose":        func(_, kernel, y *Node) []*Node { return []*Node{w.transposed(y, kernel)} },
			"transpose-product": func(_, kernel, y *Node) []*Node {
				return []*Node{w.transposedByProduct(y, kernel)}
			},
			"transpose-xla":     func(_, kernel, y *Node) []*Node { return []*Node{w.transposedByXLA(y, kernel)} },
			"correlate":         func(x, _, y *Node) []*Node { return []*Node{w.correlated(x, y)} },
			"correlate-product": func(x, _, y *Node) []*Node { return []*Node{w.correlatedByProduct(x, y)} },
			"pass":              pass(w.convolve),
		}
		if w.stride == 1 && w.size%2 == 1 {
			ways["pass-gomlx"] = pass(func(x, kernel *Node) *Node {
				return Convolve(x, kernel).PaddingPerDim([][2]int{{w.pad, w.pad}, {w.pad, w.pad}}).Done()
			})
		}
		b.Run(fmt.Sprintf("%dx%dx%d-%d/size%d/stride%d", w.height, w.width, c.in, c.out, w.size, w.stride),
			func(b *testing.B) { byTurns(b, backend, ways, inputs) })
	}
}

// byTurns runs each way once per round, the first round excepted, and reports the medians in milliseconds.
func byTurns(b *testing.B, backend compute.Backend, ways map[string]func(x, kernel, y *Node) []*Node, inputs []any) {
	b.Helper()
	execs, times := map[string]*Exec{}, map[string][]float64{}
	for name, way := range ways {
		execs[name] = MustNewExec(backend, way)
		finalize(execs[name].MustCall(inputs...))
	}
	for b.Loop() {
		for name, exec := range execs {
			begin := time.Now()
			finalize(exec.MustCall(inputs...))
			times[name] = append(times[name], time.Since(begin).Seconds()*1000)
		}
	}
	for name := range ways {
		slices.Sort(times[name])
		b.ReportMetric(times[name][len(times[name])/2], name+"-ms")
	}
}

// BenchmarkNetworks times a forward and a backward pass of each pair on XLA at batch 64: the generator's by its weights,
// the critic's by its weights and its images.
func BenchmarkNetworks(b *testing.B) {
	const batch = 64
	backend := gantest.XLA(b)
	colours := DCGAN{Size: 32, Channels: 3}
	z, gray, colour, points := []int{batch, 100}, []int{batch, 28, 28, 1}, []int{batch, 32, 32, 3}, []int{batch, 1, 1, 2}
	for _, c := range []struct {
		name string
		network
		dims []int
	}{
		{"dcgan28/generator", DCGAN{}.Generator, z}, {"dcgan28/critic", DCGAN{}.Critic, gray},
		{"dcgan28/spectral", DCGAN{Norm: NormSpectral}.Critic, gray},
		{"dcgan28-32/generator", DCGAN{Width: 32}.Generator, z}, {"dcgan28-32/critic", DCGAN{Width: 32}.Critic, gray},
		{"dcgan32/generator", colours.Generator, z}, {"dcgan32/critic", colours.Critic, colour},
		{"resnet28/generator", ResNet{}.Generator, z}, {"resnet28/critic", ResNet{}.Critic, gray},
		{"mlp/generator", NormMLPGenerator, z}, {"mlp/critic", MLPCritic, gray}, {"article/critic", ConvCritic, gray},
		{"toy/generator", Toy{}.Generator, z}, {"toy/critic", Toy{}.Critic, points},
		{"restorer", Restorer, gray},
	} {
		b.Run(c.name, func(b *testing.B) {
			store := model.NewStore()
			exec := model.MustNewExec(backend, store, func(scope *model.Scope, x *Node) []*Node {
				store.SetTraining(x.Graph(), true)
				y := c.network(scope, x)
				var nodes []*Node
				if len(c.dims) == 4 {
					nodes = append(nodes, x)
				}
				for v := range store.IterVariables() {
					if v.Trainable {
						nodes = append(nodes, v.NodeValue(x))
					}
				}
				return append([]*Node{y}, Gradient(ReduceAllSum(Square(y)), nodes...)...)
			})
			benchmark(b, exec.MustCall, tensor(random(1, sizeOf(c.dims)), c.dims...))
		})
	}
}

// benchmark times calls, the first excepted.
func benchmark(b *testing.B, call func(...any) []*tensors.Tensor, inputs ...any) {
	finalize(call(inputs...))
	for b.Loop() {
		finalize(call(inputs...))
	}
}

func finalize(outputs []*tensors.Tensor) {
	for _, output := range outputs {
		output.MustFinalizeAll()
	}
}
