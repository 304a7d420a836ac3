package net

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// TestNorms wants mean 0 and variance 1, or mean square 1, over what each normalisation reduces; then the learned scale and
// offset, 2 and -1 for feature 0.
func TestNorms(t *testing.T) {
	const batch, height, width, channels = 2, 3, 4, 2
	x := random64(1, batch*height*width*channels)
	for i := range x {
		x[i] = 3*x[i] + float64(i%channels) + 2
	}
	for name, c := range map[string]struct {
		norm   network
		group  func(b, pixel, channel int) int
		learns bool
		centre bool
	}{
		"LayerNorm":    {LayerNorm, func(b, _, _ int) int { return b }, true, true},
		"InstanceNorm": {InstanceNorm, func(b, _, channel int) int { return b*channels + channel }, true, true},
		"PixelNorm": {func(_ *model.Scope, x *Node) *Node { return PixelNorm(x) },
			func(b, pixel, _ int) int { return b*height*width + pixel }, false, false},
	} {
		sum, square, count := map[int]float64{}, map[int]float64{}, map[int]float64{}
		group := func(i int) int { return c.group(i/(height*width*channels), i/channels%(height*width), i%channels) }
		for i, v := range x {
			sum[group(i)] += v
			square[group(i)] += v * v
			count[group(i)]++
		}
		want := make([]float64, len(x))
		for i, v := range x {
			g := group(i)
			mean, meanSquare := sum[g]/count[g], square[g]/count[g]
			if !c.centre {
				want[i] = v / math.Sqrt(meanSquare+1e-8)
				continue
			}
			want[i] = (v - mean) / math.Sqrt(meanSquare-mean*mean+1e-5)
			if i%channels == 0 {
				want[i] = 2*want[i] - 1
			}
		}
		t.Run(name, func(t *testing.T) {
			gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
				store := newStore(t)
				if c.learns {
					for path, values := range map[string][]float64{"/scale": {2, 1}, "/offset": {-1, 0}} {
						if _, err := store.CreateVariable(path, tensor64(values, channels)); err != nil {
							t.Fatal(err)
						}
					}
				}
				got := call(backend, store, true, tensor64(x, batch, height, width, channels), c.norm)
				requireNear64(t, name, got, want)
			})
		})
	}
}

// TestConditionalBatchNorm gives two samples of one input different classes.
func TestConditionalBatchNorm(t *testing.T) {
	backend, store := gantest.Go(t), newStore(t)
	for path, values := range map[string][]float64{"/scale": {1, 1, 3, 4, 9, 9}, "/offset": {0, 0, 5, 6, 9, 9}} {
		if _, err := store.CreateVariable(path, tensor64(values, 3, 2)); err != nil {
			t.Fatal(err)
		}
	}
	x := random64(2, 4*3*2)
	layer := func(labels ...int32) []float64 {
		return flat64(call(backend, store, true, tensor64(x, 4, 3, 1, 2), func(s *model.Scope, x *Node) *Node {
			return ConditionalBatchNorm(s, x, Const(x.Graph(), labels), 3)
		}))
	}
	plain := layer(0, 0, 0, 0)
	for i, v := range layer(0, 1, 0, 1) {
		want := plain[i]
		if i/6%2 == 1 { // samples 1 and 3
			want = []float64{3, 4}[i%2]*plain[i] + []float64{5, 6}[i%2]
		}
		if math.Abs(v-want) > 1e-12 {
			t.Errorf("value %d is %g, want %g", i, v, want)
		}
	}
}

// largestSingularValue is that of a matrix [rows, columns], by many power iterations in float64.
func largestSingularValue(matrix []float64, columns int) float64 {
	u := random64(99, columns)
	sigma := 0.0
	for range 2000 {
		next := make([]float64, columns)
		for r := 0; r < len(matrix); r += columns {
			dot := 0.0
			for c, v := range u {
				dot += matrix[r+c] * v
			}
			for c := range next {
				next[c] += matrix[r+c] * dot
			}
		}
		norm := 0.0
		for _, v := range next {
			norm += v * v
		}
		norm = math.Sqrt(norm)
		for c := range u {
			u[c] = next[c] / norm
		}
		sigma = math.Sqrt(norm)
	}
	return sigma
}

// TestSpectralNorm iterates until the largest singular value of the normalised weights is 1, and wants the state kept:
// improved by calls while training, left alone by others.
func TestSpectralNorm(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for name, c := range map[string]struct {
			dims []int
			x    []int
		}{
			"dense":       {[]int{7, 5}, []int{1, 7}},
			"convolution": {[]int{3, 3, 2, 6}, []int{1, 3, 3, 2}},
		} {
			store := newStore(t)
			size, out := 1, c.dims[len(c.dims)-1]
			for _, dim := range c.dims {
				size *= dim
			}
			input := 1
			for _, dim := range c.x {
				input *= dim
			}
			x := tensor64(make([]float64, input), c.x...)
			normalised := func(scope *model.Scope, x *Node) *Node { return spectralWeights(scope, x, c.dims...) }
			training := model.MustNewExec(backend, store, func(scope *model.Scope, x *Node) *Node {
				store.SetTraining(x.Graph(), true)
				return normalised(scope, x)
			})
			first := largestSingularValue(flat64(training.MustCall1(x)), out)
			if math.Abs(first-1) < 1e-6 {
				t.Errorf("%s: one power iteration was enough; the test shows nothing", name)
			}
			var got *tensors.Tensor
			for range 200 {
				got = training.MustCall1(x)
			}
			if sigma := largestSingularValue(flat64(got), out); math.Abs(sigma-1) > 1e-6 {
				t.Errorf("%s: the largest singular value is %g after 200 power iterations, want 1", name, sigma)
			}
			u := flat64(store.GetVariable("/u").MustValue())
			still := call(backend, store, false, x, normalised)
			requireNear64(t, name+" in inference", still, flat64(got))
			if !slices.Equal(flat64(store.GetVariable("/u").MustValue()), u) {
				t.Errorf("%s: a call that does not train moved u", name)
			}
			// No weights are learned along the direction that only stretches all of them.
			weights := store.GetVariable("/weights")
			gradient := model.MustCallOnce(backend, store, func(scope *model.Scope, x *Node) *Node {
				w := normalised(scope, x)
				some := Cos(MulScalar(IotaFull(x.Graph(), w.Shape()), 0.7))
				return Gradient(ReduceAllSum(Mul(w, some)), weights.NodeValue(x))[0]
			}, x)
			along, square := 0.0, 0.0
			values := flat64(weights.MustValue())
			for i, g := range flat64(gradient) {
				along += g * values[i]
				square += g * g
			}
			if math.Abs(along) > 1e-6 || square < 1e-3 {
				t.Errorf("%s: the gradient of squared norm %g has %g along the weights, want 0", name, square, along)
			}
		}
	})
}

// TestNormNames covers the names kept in checkpoints and a value that is none.
func TestNormNames(t *testing.T) {
	var names []string
	for n := NormNone; n <= NormSpectral+1; n++ {
		names = append(names, n.String())
	}
	if want := []string{"none", "batch", "layer", "instance", "spectral", "Norm(5)"}; !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
}
