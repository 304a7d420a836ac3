package net

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// random returns n values that depend on the seed alone, N(0,1).
func random(seed uint64, n int) []float32 {
	source := rand.New(rand.NewPCG(seed, 0))
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(source.NormFloat64())
	}
	return values
}

func tensor(values []float32, dims ...int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(values, dims...)
}

func flat(t *tensors.Tensor) []float32 { return tensors.MustCopyFlatData[float32](t) }

// callOnce runs a graph without variables.
func callOnce(backend compute.Backend, f func(x *Node) *Node, x *tensors.Tensor) *tensors.Tensor {
	return MustNewExec(backend, f).MustCall1(x)
}

// call runs a network once.
func call(backend compute.Backend, store *model.Store, training bool, inputs *tensors.Tensor,
	network func(scope *model.Scope, x *Node) *Node) *tensors.Tensor {
	return model.MustCallOnce(backend, store, func(scope *model.Scope, x *Node) *Node {
		store.SetTraining(x.Graph(), training)
		return network(scope, x)
	}, inputs)
}

func newStore(t *testing.T) *model.Store {
	t.Helper()
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(1); err != nil {
		t.Fatal(err)
	}
	return store
}

// requireNear compares values up to rounding.
func requireNear(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if off := math.Abs(float64(got[i]) - want[i]); !(off <= tolerance*(1+math.Abs(want[i]))) {
			t.Errorf("%s: value %d is %g, want %g", what, i, got[i], want[i])
			return
		}
	}
}

func TestShapes(t *testing.T) {
	const batch = 3
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for name, c := range map[string]struct {
			network    func(*model.Scope, *Node) *Node
			input      []int
			output     []int
			parameters int // trainable
		}{
			"MLPGenerator": {MLPGenerator, []int{batch, 100}, []int{batch, 28, 28, 1},
				100*128 + 128 + 128*256 + 256 + 256*512 + 512 + 512*1024 + 1024 + 1024*784 + 784},
			"NormMLPGenerator": {NormMLPGenerator, []int{batch, 7}, []int{batch, 28, 28, 1},
				7*128 + 128 + 128*256 + 256 + 256*512 + 512 + 512*1024 + 1024 + 1024*784 + 784 + 2*(128+256+512+1024)},
			"ConvCritic": {ConvCritic, []int{batch, 28, 28, 1}, []int{batch, 1}, 640 + 73856 + 25*128 + 1},
			"MLPCritic": {MLPCritic, []int{batch, 28, 28, 2}, []int{batch, 1},
				28*28*2*512 + 512 + 512*256 + 256 + 256 + 1},
		} {
			store := newStore(t)
			size := 1
			for _, dim := range c.input {
				size *= dim
			}
			out := call(backend, store, true, tensor(random(2, size), c.input...), c.network)
			if !slices.Equal(out.Shape().Dimensions, c.output) {
				t.Errorf("%s maps %v to %v, want %v", name, c.input, out.Shape().Dimensions, c.output)
			}
			for _, v := range flat(out) {
				if math.IsNaN(float64(v)) || len(c.output) == 4 && (v < -1 || v > 1) {
					t.Errorf("%s makes %g, want images in [-1, 1]", name, v)
					break
				}
			}
			parameters := 0
			for v := range store.IterVariables() {
				if v.Trainable {
					parameters += v.Shape().Size()
				}
			}
			if parameters != c.parameters {
				t.Errorf("%s has %d parameters, want %d", name, parameters, c.parameters)
			}
		}
	})
}

// TestInitialWeights wants Glorot uniform weights and zero biases.
func TestInitialWeights(t *testing.T) {
	backend, store := gantest.Go(t), newStore(t)
	call(backend, store, true, tensor(random(3, 2*6*6*5), 2, 6, 6, 5), func(scope *model.Scope, x *Node) *Node {
		return Dense(scope.In("dense"), Flatten(Conv2D(scope.In("conv"), x, 40, 3)), 30)
	})
	for path, limit := range map[string]float64{
		"/conv": math.Sqrt(6 / float64(9*5+9*40)), "/dense": math.Sqrt(6 / float64(4*4*40+30)),
	} {
		weights := flat(store.GetVariable(path + "/weights").MustValue())
		largest, square := 0.0, 0.0
		for _, w := range weights {
			largest = max(largest, math.Abs(float64(w)))
			square += float64(w) * float64(w)
		}
		deviation := math.Sqrt(square / float64(len(weights)))
		if largest > limit || largest < 0.98*limit || math.Abs(deviation/(limit/math.Sqrt(3))-1) > 0.05 {
			t.Errorf("%s: weights up to %.4f with deviation %.4f, want uniform up to %.4f", path, largest, deviation, limit)
		}
		for _, b := range flat(store.GetVariable(path + "/biases").MustValue()) {
			if b != 0 {
				t.Errorf("%s: a bias starts at %g, want 0", path, b)
			}
		}
	}
}

// image is x[b, y, x, c] for naive loops.
type image struct {
	values                        []float32
	batch, height, width, channel int
}

func (im image) at(b, y, x, c int) float64 {
	return float64(im.values[((b*im.height+y)*im.width+x)*im.channel+c])
}

func TestMaxPool2(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, size := range [][2]int{{2, 2}, {4, 6}, {5, 5}, {3, 4}, {4, 3}, {13, 11}} {
			x := image{random(4, 2*size[0]*size[1]*3), 2, size[0], size[1], 3}
			var want []float64
			for b := range x.batch {
				for row := range x.height / 2 {
					for column := range x.width / 2 {
						for c := range x.channel {
							want = append(want, max(x.at(b, 2*row, 2*column, c), x.at(b, 2*row, 2*column+1, c),
								x.at(b, 2*row+1, 2*column, c), x.at(b, 2*row+1, 2*column+1, c)))
						}
					}
				}
			}
			got := callOnce(backend, MaxPool2, tensor(x.values, 2, size[0], size[1], 3))
			if dims := got.Shape().Dimensions; !slices.Equal(dims, []int{2, size[0] / 2, size[1] / 2, 3}) {
				t.Errorf("MaxPool2 of %v has shape %v", size, dims)
			}
			requireNear(t, fmt.Sprintf("MaxPool2 of %v", size), flat(got), want, 0)
		}
	})
}

// TestMaxPool2Gradient sends each window's gradient to its largest value, of several the first in reading order, and
// none to a dropped row or column.
func TestMaxPool2Gradient(t *testing.T) {
	x := []float32{
		1, 2, 7, 7, 9,
		4, 3, 7, 7, 9,
		0, 0, 1, 5, 9,
		0, 6, 5, 5, 9,
		0, 8, 0, 0, 9,
		8, 8, 0, 0, 9,
		9, 9, 9, 9, 9}
	want := []float64{
		0, 0, 5, 0, 0,
		5, 0, 0, 0, 0,
		0, 0, 0, 5, 0,
		0, 5, 0, 0, 0,
		0, 5, 5, 0, 0,
		0, 0, 0, 0, 0,
		0, 0, 0, 0, 0}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		got := callOnce(backend, func(x *Node) *Node {
			return Gradient(MulScalar(ReduceAllSum(MaxPool2(x)), 5), x)[0]
		}, tensor(x, 1, 7, 5, 1))
		requireNear(t, "gradient", flat(got), want, 0)
	})
}

// naiveConvolution is the definition: y[b, i, j, o] = Σ x[b, i+k, j+l, c] · w[k, l, c, o] + bias[o].
func naiveConvolution(x image, weights, bias []float32, size, out int) []float64 {
	var y []float64
	for b := range x.batch {
		for i := range x.height - size + 1 {
			for j := range x.width - size + 1 {
				for o := range out {
					sum := float64(bias[o])
					for k := range size {
						for l := range size {
							for c := range x.channel {
								sum += x.at(b, i+k, j+l, c) * float64(weights[((k*size+l)*x.channel+c)*out+o])
							}
						}
					}
					y = append(y, sum)
				}
			}
		}
	}
	return y
}

// TestConv2D covers few and many channels, which take different ways on XLA, and images that are not square.
func TestConv2D(t *testing.T) {
	const out = 3
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, c := range []struct{ height, width, in, size int }{
			{5, 5, 1, 3}, {6, 4, 4, 3}, {6, 4, 5, 3}, {3, 3, 8, 3}, {7, 5, 6, 2}, {4, 4, 2, 1}, {5, 6, 7, 5},
		} {
			x := image{random(5, 2*c.height*c.width*c.in), 2, c.height, c.width, c.in}
			weights, bias := random(6, c.size*c.size*c.in*out), random(7, out)
			store := newStore(t)
			_, err := store.CreateVariable("/weights", tensor(weights, c.size, c.size, c.in, out))
			if err == nil {
				_, err = store.CreateVariable("/biases", tensor(bias, out))
			}
			if err != nil {
				t.Fatal(err)
			}
			got := call(backend, store, true, tensor(x.values, 2, c.height, c.width, c.in),
				func(scope *model.Scope, x *Node) *Node { return Conv2D(scope, x, out, c.size) })
			dims := []int{2, c.height - c.size + 1, c.width - c.size + 1, out}
			if !slices.Equal(got.Shape().Dimensions, dims) {
				t.Errorf("%+v: shape %v, want %v", c, got.Shape().Dimensions, dims)
			}
			requireNear(t, fmt.Sprintf("%+v", c), flat(got), naiveConvolution(x, weights, bias, c.size, out), 1e-5)
		}
	})
}

func TestDense(t *testing.T) {
	x, weights, bias := random(8, 2*3), random(9, 3*4), random(10, 4)
	var want []float64
	for b := range 2 {
		for o := range 4 {
			sum := float64(bias[o])
			for i := range 3 {
				sum += float64(x[b*3+i]) * float64(weights[i*4+o])
			}
			want = append(want, sum)
		}
	}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store := newStore(t)
		_, err := store.CreateVariable("/weights", tensor(weights, 3, 4))
		if err == nil {
			_, err = store.CreateVariable("/biases", tensor(bias, 4))
		}
		if err != nil {
			t.Fatal(err)
		}
		got := call(backend, store, true, tensor(x, 2, 3), func(scope *model.Scope, x *Node) *Node {
			return Dense(scope, x, 4)
		})
		requireNear(t, "Dense", flat(got), want, 1e-6)
	})
}

func TestActivations(t *testing.T) {
	x := []float32{-3, -0.5, 0, 0.5, 3}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for name, c := range map[string]struct {
			f             func(*Node) *Node
			values, slope []float64
		}{
			"ReLU": {ReLU, []float64{0, 0, 0, 0.5, 3}, []float64{0, 0, math.NaN(), 1, 1}},
			"LeakyReLU": {func(x *Node) *Node { return LeakyReLU(x, 0.2) },
				[]float64{-0.6, -0.1, 0, 0.5, 3}, []float64{0.2, 0.2, math.NaN(), 1, 1}},
		} {
			out := MustNewExec(backend, func(x *Node) []*Node {
				y := c.f(x)
				return []*Node{y, Gradient(ReduceAllSum(y), x)[0]}
			}).MustCall(tensor(x, len(x)))
			requireNear(t, name, flat(out[0]), c.values, 1e-7)
			slope := flat(out[1])
			if at0 := slope[2]; at0 < 0 || at0 > 1 { // any slope between the two sides will do at the corner
				t.Errorf("%s: gradient at 0 is %g", name, at0)
			}
			c.slope[2] = float64(slope[2])
			requireNear(t, "gradient of "+name, slope, c.slope, 1e-7)
		}
	})
}

// TestBatchNorm follows the running averages over three batches, then normalises by them.
func TestBatchNorm(t *testing.T) {
	const batch, height, features = 4, 3, 2
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store := newStore(t)
		for name, values := range map[string][]float32{"scale": {2, -0.5}, "offset": {0.25, 3}} {
			if _, err := store.CreateVariable("/"+name, tensor(values, features)); err != nil {
				t.Fatal(err)
			}
		}
		scale, offset := []float64{2, -0.5}, []float64{0.25, 3}
		mean, variance := make([]float64, features), []float64{1, 1}
		normalised := func(x []float32, mean, variance []float64) []float64 {
			var want []float64
			for i, v := range x {
				f := i % features
				want = append(want, scale[f]*(float64(v)-mean[f])/math.Sqrt(variance[f]+1e-5)+offset[f])
			}
			return want
		}
		for round := range 3 {
			x := random(uint64(20+round), batch*height*features)
			for i := range x {
				x[i] = x[i]*float32(round+1) + 5
			}
			batchMean, batchVariance := make([]float64, features), make([]float64, features)
			for i, v := range x {
				batchMean[i%features] += float64(v) / (batch * height)
			}
			for i, v := range x {
				off := float64(v) - batchMean[i%features]
				batchVariance[i%features] += off * off / (batch * height)
			}
			for f := range features {
				mean[f] = 0.9*mean[f] + 0.1*batchMean[f]
				variance[f] = 0.9*variance[f] + 0.1*batchVariance[f]
			}
			got := call(backend, store, true, tensor(x, batch, height, features), BatchNorm)
			requireNear(t, "training", flat(got), normalised(x, batchMean, batchVariance), 1e-5)
			requireNear(t, "running mean", flat(store.GetVariable("/mean").MustValue()), mean, 1e-5)
			requireNear(t, "running variance", flat(store.GetVariable("/variance").MustValue()), variance, 1e-5)
		}
		x := random(30, 5*features)
		got := call(backend, store, false, tensor(x, 5, features), BatchNorm)
		requireNear(t, "inference", flat(got), normalised(x, mean, variance), 1e-5)
		one := call(backend, store, false, tensor(x[:features], 1, features), BatchNorm)
		if !slices.Equal(flat(one), flat(got)[:features]) {
			t.Errorf("a sample depends on which others are drawn with it: %v alone, %v with others", flat(one),
				flat(got)[:features])
		}
		requireNear(t, "running mean after inference", flat(store.GetVariable("/mean").MustValue()), mean, 1e-5)
	})
}

// TestGradients compares, in float64, gradients by some coordinates of every variable and of the input with central
// differences. The network has every layer of the package.
func TestGradients(t *testing.T) {
	network := func(scope *model.Scope, x *Node) *Node {
		x = LeakyReLU(MaxPool2(Conv2D(scope.In("few"), x, 6, 2)), 0.2)
		x = BatchNorm(scope.In("norm"), ReLU(Conv2D(scope.In("many"), x, 5, 3)))
		return ReduceAllSum(Square(Dense(scope.In("logit"), Flatten(x), 2)))
	}
	const batch, side = 3, 9
	input := make([]float64, batch*side*side*2)
	for i, v := range random(40, len(input)) {
		input[i] = float64(v)
	}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store := newStore(t)
		x := func() *tensors.Tensor { return tensors.FromFlatDataAndDimensions(input, batch, side, side, 2) }
		var paths []string
		gradients := model.MustCallOnceN(backend, store, func(scope *model.Scope, x *Node) []*Node {
			store.SetTraining(x.Graph(), true)
			y := network(scope, x)
			nodes := []*Node{x}
			for v := range store.IterVariables() {
				if v.Trainable {
					nodes, paths = append(nodes, v.NodeValue(x)), append(paths, v.Path())
				}
			}
			return Gradient(y, nodes...)
		}, x())
		value := model.MustNewExec(backend, store, func(scope *model.Scope, x *Node) *Node {
			store.SetTraining(x.Graph(), true)
			return network(scope, x)
		})
		if len(paths) != 8 {
			t.Fatalf("the network has variables %v, want 8", paths)
		}

		const h = 1e-6
		source := rand.New(rand.NewPCG(41, 0))
		check := func(name string, values []float64, gradient *tensors.Tensor, set func()) {
			analytic := tensors.MustCopyFlatData[float64](gradient)
			for range 4 {
				i := source.IntN(len(values))
				kept := values[i]
				difference := 0.0
				for _, sign := range []float64{1, -1} {
					values[i] = kept + sign*h
					set()
					difference += sign * tensors.ToScalar[float64](value.MustCall1(x()))
				}
				values[i] = kept
				set()
				if numeric := difference / (2 * h); math.Abs(numeric-analytic[i]) > 1e-5*(1+math.Abs(numeric)) {
					t.Errorf("gradient by %s[%d] is %g, central difference %g", name, i, analytic[i], numeric)
				}
			}
		}
		check("the input", input, gradients[0], func() {})
		for i, path := range paths {
			v := store.GetVariable(path)
			values := tensors.MustCopyFlatData[float64](v.MustValue())
			check(path, values, gradients[i+1], func() {
				if err := v.SetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...)); err != nil {
					t.Fatal(err)
				}
			})
		}
	})
}

// TestConv2DGradient compares gradients of convolutions with the definition's.
func TestConv2DGradient(t *testing.T) {
	const batch, height, width, out = 2, 6, 7, 3
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, size := range []int{1, 2, 3, 4, 5} {
			for _, in := range []int{3, 6} { // few and many channels
				rows, columns := height-size+1, width-size+1
				x, kernel := random(50, batch*height*width*in), random(51, size*size*in*out)
				slope := random(52, batch*rows*columns*out) // of the objective by the convolution's result
				byX, byKernel := make([]float64, len(x)), make([]float64, len(kernel))
				i := 0
				for b := range batch {
					for row := range rows {
						for column := range columns {
							for o := range out {
								for k := range size {
									for l := range size {
										for c := range in {
											at := ((b*height+row+k)*width+column+l)*in + c
											weight := ((k*size+l)*in+c)*out + o
											byX[at] += float64(slope[i]) * float64(kernel[weight])
											byKernel[weight] += float64(slope[i]) * float64(x[at])
										}
									}
								}
								i++
							}
						}
					}
				}
				got := MustNewExec(backend, func(x, kernel, slope *Node) []*Node {
					return Gradient(ReduceAllSum(Mul(window{height: height, width: width, size: size, stride: 1}.convolve(x, kernel), slope)), x, kernel)
				}).MustCall(tensor(x, batch, height, width, in), tensor(kernel, size, size, in, out),
					tensor(slope, batch, rows, columns, out))
				what := fmt.Sprintf("%d×%d kernel, %d channels: gradient by ", size, size, in)
				requireNear(t, what+"x", flat(got[0]), byX, 1e-4)
				requireNear(t, what+"kernel", flat(got[1]), byKernel, 1e-4)
			}
		}
	})
}
