package net

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// network is a gan.Network.
type network = func(scope *model.Scope, x *Node) *Node

// TestSecondDerivatives does what a gradient penalty does to every layer that a critic may have: with f = Σ layer(x)²,
// the gradients of f and of P = ‖∇ₓf‖² by x and by some of each variable's values are compared with central differences.
func TestSecondDerivatives(t *testing.T) {
	labels := func(x *Node) *Node { return Const(x.Graph(), []int32{2, 0, 1, 2}) }
	images := []int{4, 4, 4, 5}
	for name, c := range map[string]struct {
		layer     network
		dims      []int // of x, a batch of 4
		inference bool  // for layers whose state moves while training
	}{
		"Dense":              {func(s *model.Scope, x *Node) *Node { return Dense(s, x, 3) }, []int{4, 6}, false},
		"Maxout":             {func(s *model.Scope, x *Node) *Node { return Maxout(s, x, 3, 2) }, []int{4, 6}, false},
		"SpectralDense":      {func(s *model.Scope, x *Node) *Node { return SpectralDense(s, x, 3) }, []int{4, 6}, true},
		"Conv2D":             {func(s *model.Scope, x *Node) *Node { return LeakyReLU(Conv2D(s, x, 3, 3), 0.2) }, images, false},
		"Conv2D, gray":       {func(s *model.Scope, x *Node) *Node { return ReLU(Conv2D(s, x, 3, 2)) }, []int{4, 5, 5, 1}, false},
		"SameConv2D":         {func(s *model.Scope, x *Node) *Node { return SameConv2D(s, x, 3, 3) }, images, false},
		"DownConv2D":         {func(s *model.Scope, x *Node) *Node { return DownConv2D(s, x, 3) }, images, false},
		"UpConv2D":           {func(s *model.Scope, x *Node) *Node { return UpConv2D(s, x, 3) }, images, false},
		"SpectralDownConv2D": {func(s *model.Scope, x *Node) *Node { return SpectralDownConv2D(s, x, 3) }, images, true},
		"MaxPool2": {func(s *model.Scope, x *Node) *Node { return MaxPool2(SameConv2D(s, x, 3, 3)) },
			[]int{4, 5, 3, 2}, false},
		"a pooled convolution":           {pooled(3, 3, 0), []int{4, 7, 6, 5}, false},
		"a pooled convolution, leaky":    {pooled(3, 3, 0.2), []int{4, 6, 6, 5}, false},
		"a pooled convolution, linear":   {pooled(3, 3, 1), []int{4, 6, 6, 5}, false},
		"a pooled convolution, size 2":   {pooled(3, 2, 0.2), []int{4, 6, 5, 5}, false},
		"a pooled convolution, gray":     {pooled(3, 3, 0.2), []int{4, 7, 8, 1}, false},
		"a pooled convolution, coloured": {pooled(3, 3, 0), []int{4, 7, 8, 3}, false},
		"two pooled convolutions": {func(s *model.Scope, x *Node) *Node {
			return Dense(s.In("logit"), Flatten(pooled(3, 3, 0)(s.In("b"), pooled(6, 3, 0)(s.In("a"), x))), 1)
		}, []int{4, 13, 12, 1}, false},
		"a pooled SameConv2D": {func(s *model.Scope, x *Node) *Node {
			return MaxPool2(LeakyReLU(SameConv2D(s, x, 3, 3), 0.2))
		}, []int{4, 5, 6, 5}, false},
		"BatchNorm":    {BatchNorm, images, false},
		"LayerNorm":    {LayerNorm, images, false},
		"InstanceNorm": {InstanceNorm, images, false},
		"PixelNorm":    {func(s *model.Scope, x *Node) *Node { return PixelNorm(SameConv2D(s, x, 3, 1)) }, images, false},
		"ConditionalBatchNorm": {func(s *model.Scope, x *Node) *Node {
			return ConditionalBatchNorm(s, x, labels(x), 3)
		}, images, false},
		"MinibatchStdDev": {func(s *model.Scope, x *Node) *Node {
			return Linear(s, MinibatchStdDev(Flatten(x), 2), 2)
		}, images, false},
		"SelfAttention": {func(s *model.Scope, x *Node) *Node {
			return SelfAttention(s, x)
		}, []int{4, 2, 2, 9}, false},
		"SpectralSelfAttention": {func(s *model.Scope, x *Node) *Node {
			return SpectralSelfAttention(s, x)
		}, []int{4, 2, 2, 9}, true},
		"Projection": {func(s *model.Scope, x *Node) *Node { return Projection(s, x, labels(x), 3) }, []int{4, 6}, false},
		"SpectralProjection": {func(s *model.Scope, x *Node) *Node {
			return SpectralProjection(s, x, labels(x), 3)
		}, []int{4, 6}, true},
		"Residual.Down": {func(s *model.Scope, x *Node) *Node { return Residual{}.Down(s, x, 3) }, images, false},
		"AveragePool2 and Upsample2": {func(s *model.Scope, x *Node) *Node {
			return AveragePool2(SameConv2D(s, Upsample2(x), 3, 3))
		}, images, false},
		"Residual.Same":  {func(s *model.Scope, x *Node) *Node { return Residual{Spectral: true}.Same(s, x, 5) }, images, true},
		"a DCGAN critic": {DCGAN{Size: 8, Width: 3, Norm: NormLayer}.Critic, []int{4, 8, 8, 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
				checkDerivatives(t, backend, c.layer, c.dims, !c.inference)
			})
		})
	}
}

// pooled is a critic's usual block.
func pooled(out, size int, slope float64) network {
	return func(scope *model.Scope, x *Node) *Node {
		x = Conv2D(scope, x, out, size)
		switch slope {
		case 0:
			x = ReLU(x)
		case 1:
		default:
			x = LeakyReLU(x, slope)
		}
		return MaxPool2(x)
	}
}

// checkDerivatives compares the gradients of f = Σ layer(x)² and of P = ‖∇ₓf‖² with central differences.
func checkDerivatives(t *testing.T, backend compute.Backend, layer network, dims []int, training bool) {
	t.Helper()
	size := 1
	for _, dim := range dims {
		size *= dim
	}
	store, input := newStore(t), random64(5, size)
	var paths []string
	exec := model.MustNewExec(backend, store, func(scope *model.Scope, x *Node) []*Node {
		store.SetTraining(x.Graph(), training)
		f := ReduceAllSum(Square(layer(scope, x)))
		penalty := ReduceAllSum(Square(Gradient(f, x)[0]))
		nodes := []*Node{x}
		paths = nil
		for v := range store.IterVariables() {
			if v.Trainable {
				nodes, paths = append(nodes, v.NodeValue(x)), append(paths, v.Path())
			}
		}
		return append(append([]*Node{f, penalty}, Gradient(f, nodes...)...), Gradient(penalty, nodes...)...)
	})
	run := func() []*tensors.Tensor { return exec.MustCall(tensor64(input, dims...)) }
	run() // draws the first weights
	values := map[string][]float64{}
	set := func(path string) {
		v := store.GetVariable(path)
		if err := v.SetValue(tensor64(values[path], v.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
	for i, path := range paths {
		values[path] = flat64(store.GetVariable(path).MustValue())
		// Away from the start, where zeros and ones hide mistakes.
		for j, v := range random64(uint64(60+i), len(values[path])) {
			values[path][j] += 0.3 * v
		}
		set(path)
	}

	analytic := run()
	const h = 1e-5
	source := rand.New(rand.NewPCG(6, 0))
	check := func(what string, values []float64, at int, apply func()) {
		for range min(3, len(values)) {
			i := source.IntN(len(values))
			kept := values[i]
			var difference [2]float64
			for _, sign := range []float64{1, -1} {
				values[i] = kept + sign*h
				apply()
				for order, value := range run()[:2] {
					difference[order] += sign * tensors.ToScalar[float64](value) / (2 * h)
				}
			}
			values[i] = kept
			apply()
			for order, of := range []string{"f", "‖∇f‖²"} {
				got, want := flat64(analytic[2+at+order*(1+len(paths))])[i], difference[order]
				if !(math.Abs(got-want) <= 2e-5*(1+math.Abs(want))) {
					t.Errorf("gradient of %s by %s[%d] is %g, central difference %g", of, what, i, got, want)
				}
			}
		}
	}
	check("x", input, 0, func() {})
	for i, path := range paths {
		check(strings.TrimPrefix(path, "/"), values[path], i+1, func() { set(path) })
	}
}
