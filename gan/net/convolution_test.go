package net

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// random64 returns n values that depend on the seed alone, N(0,1).
func random64(seed uint64, n int) []float64 {
	values := make([]float64, n)
	for i, v := range random(seed, n) {
		values[i] = float64(v)
	}
	return values
}

func tensor64(values []float64, dims ...int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(values, dims...)
}

func flat64(t *tensors.Tensor) []float64 { return tensors.MustCopyFlatData[float64](t) }

// requireNear64 compares values up to rounding in float64.
func requireNear64(t *testing.T, what string, got *tensors.Tensor, want []float64) {
	t.Helper()
	values := flat64(got)
	if len(values) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(values), len(want))
		return
	}
	for i, v := range values {
		if off := v - want[i]; !(off*off <= 1e-16*(1+want[i]*want[i])) {
			t.Errorf("%s: value %d is %g, want %g", what, i, v, want[i])
			return
		}
	}
}

// eachProduct calls visit for every product a convolution sums: x[i]·kernel[j] belongs to y[k].
func (w window) eachProduct(batch, in, out int, visit func(i, j, k int)) {
	for b := range batch {
		for row := range w.rows() {
			for column := range w.columns() {
				for r := range w.size {
					for c := range w.size {
						y, x := row*w.stride+r-w.pad, column*w.stride+c-w.pad
						if y < 0 || x < 0 || y >= w.height || x >= w.width {
							continue
						}
						for i := range in {
							for o := range out {
								visit(((b*w.height+y)*w.width+x)*in+i, ((r*w.size+c)*in+i)*out+o,
									((b*w.rows()+row)*w.columns()+column)*out+o)
							}
						}
					}
				}
			}
		}
	}
}

// TestWindow compares a convolution, its two adjoints and all their gradients with the definition. The cases take every
// way of computing them, with windows that do not reach the end of the image among them.
func TestWindow(t *testing.T) {
	const batch = 2
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, c := range []struct {
			window
			in, out int
		}{
			{window{5, 6, 3, 1, 1}, 5, 3},
			{window{5, 4, 3, 1, 0}, 2, 3},
			{window{4, 4, 1, 1, 0}, 6, 13},
			{window{6, 8, 4, 2, 1}, 3, 2},
			{window{6, 4, 4, 2, 1}, 6, 4},
			{window{7, 6, 4, 2, 1}, 5, 2},
			{window{7, 5, 2, 2, 0}, 1, 2},
			{window{9, 7, 6, 3, 0}, 5, 3},
		} {
			w, what := c.window, fmt.Sprintf("%+v", c)
			x := random64(1, batch*w.height*w.width*c.in)
			kernel := random64(2, w.size*w.size*c.in*c.out)
			y := random64(3, batch*w.rows()*w.columns()*c.out)
			ofX, ofKernel, ofY := make([]float64, len(x)), make([]float64, len(kernel)), make([]float64, len(y))
			w.eachProduct(batch, c.in, c.out, func(i, j, k int) {
				ofX[i] += kernel[j] * y[k]
				ofKernel[j] += x[i] * y[k]
				ofY[k] += x[i] * kernel[j]
			})
			got := MustNewExec(backend, func(x, kernel, y *Node) []*Node {
				inner := func(a, b *Node) *Node { return ReduceAllSum(Mul(a, b)) }
				nodes := []*Node{w.transpose(y, kernel), w.correlate(x, y), w.convolve(x, kernel)}
				nodes = append(nodes, Gradient(inner(nodes[2], y), x, kernel, y)...)
				nodes = append(nodes, Gradient(inner(nodes[0], x), x, kernel, y)...)
				return append(nodes, Gradient(inner(nodes[1], kernel), x, kernel, y)...)
			}).MustCall(tensor64(x, batch, w.height, w.width, c.in), tensor64(kernel, w.size, w.size, c.in, c.out),
				tensor64(y, batch, w.rows(), w.columns(), c.out))
			for i, source := range []string{"value", "gradient of convolve", "gradient of transpose", "gradient of correlate"} {
				requireNear64(t, what+" "+source+" x", got[3*i], ofX)
				requireNear64(t, what+" "+source+" kernel", got[3*i+1], ofKernel)
				requireNear64(t, what+" "+source+" y", got[3*i+2], ofY)
			}
		}
	})
}

// TestImageConvolutions compares the layers with the definition: values, and gradients by the image and the weights.
func TestImageConvolutions(t *testing.T) {
	const batch, height, width, in, out = 2, 4, 6, 5, 3
	x, biases := random64(1, batch*height*width*in), random64(2, out)
	for name, c := range map[string]struct {
		layer func(*model.Scope, *Node) *Node
		size  int
		dims  []int // of the result
		visit func(visit func(i, j, k int))
	}{
		"SameConv2D": {func(s *model.Scope, x *Node) *Node { return SameConv2D(s, x, out, 3) }, 3,
			[]int{batch, height, width, out}, func(visit func(i, j, k int)) {
				window{height, width, 3, 1, 1}.eachProduct(batch, in, out, visit)
			}},
		"DownConv2D": {func(s *model.Scope, x *Node) *Node { return DownConv2D(s, x, out) }, 4,
			[]int{batch, height / 2, width / 2, out}, func(visit func(i, j, k int)) {
				window{height, width, 4, 2, 1}.eachProduct(batch, in, out, visit)
			}},
		// The transposed convolution reads y where the convolution writes it, and its kernel is [4, 4, in, out] too.
		"UpConv2D": {func(s *model.Scope, x *Node) *Node { return UpConv2D(s, x, out) }, 4,
			[]int{batch, 2 * height, 2 * width, out}, func(visit func(i, j, k int)) {
				window{2 * height, 2 * width, 4, 2, 1}.eachProduct(batch, out, in, func(i, j, k int) {
					visit(k, (j/(in*out)*in+j%in)*out+j/in%out, i)
				})
			}},
	} {
		size := 1
		for _, dim := range c.dims {
			size *= dim
		}
		kernel, slope := random64(3, c.size*c.size*in*out), random64(4, size)
		value, byX, byKernel := make([]float64, size), make([]float64, len(x)), make([]float64, len(kernel))
		for i := range value {
			value[i] = biases[i%out]
		}
		c.visit(func(i, j, k int) {
			value[k] += x[i] * kernel[j]
			byX[i] += slope[k] * kernel[j]
			byKernel[j] += slope[k] * x[i]
		})
		t.Run(name, func(t *testing.T) {
			gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
				store := newStore(t)
				_, err := store.CreateVariable("/weights", tensor64(kernel, c.size, c.size, in, out))
				if err == nil {
					_, err = store.CreateVariable("/biases", tensor64(biases, out))
				}
				if err != nil {
					t.Fatal(err)
				}
				got := model.MustCallOnceN(backend, store, func(scope *model.Scope, x, slope *Node) []*Node {
					y := c.layer(scope, x)
					return append([]*Node{y}, Gradient(ReduceAllSum(Mul(y, slope)), x,
						store.GetVariable("/weights").NodeValue(x))...)
				}, tensor64(x, batch, height, width, in), tensor64(slope, c.dims...))
				if !slices.Equal(got[0].Shape().Dimensions, c.dims) {
					t.Errorf("shape %v, want %v", got[0].Shape().Dimensions, c.dims)
				}
				requireNear64(t, "value", got[0], value)
				requireNear64(t, "gradient by x", got[1], byX)
				requireNear64(t, "gradient by the weights", got[2], byKernel)
			})
		})
	}
}

// TestTransposedConvolution wants ⟨Convolution(x, kernel), y⟩ to be ⟨x, TransposedConvolution(y, kernel)⟩, which is what transposed means, and
// both to refuse what does not fit.
func TestTransposedConvolution(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		got, err := CallOnce(backend, func(state *Node) *Node {
			random := func(shape ...int) (values *Node) {
				state, values = RandomNormal(state, shapes.Make(dtypes.Float32, shape...))
				return values
			}
			x, kernel, y := random(2, 8, 6, 3), random(4, 4, 3, 5), random(2, 4, 3, 5)
			forth := ReduceAllSum(Mul(Convolution(x, kernel, 2, 1), y))
			back := ReduceAllSum(Mul(x, TransposedConvolution(y, kernel, 2, 1, 8, 6)))
			return Div(Abs(Sub(forth, back)), Abs(forth))
		}, []uint64{1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		if off := tensors.ToScalar[float32](got); !(off < 1e-4) {
			t.Errorf("the two products differ by %g of themselves", off)
		}
	})
	for name, build := range map[string]func(x, kernel *Node) *Node{
		"a stride beside the size": func(x, kernel *Node) *Node { return Convolution(x, kernel, 3, 1) },
		"another image":            func(x, kernel *Node) *Node { return TransposedConvolution(x, kernel, 2, 1, 8, 6) },
	} {
		if _, err := CallOnce(gantest.Go(t), build, tensors.FromShape(shapes.Make(dtypes.Float32, 2, 8, 6, 3)), tensors.FromShape(shapes.Make(dtypes.Float32, 4, 4, 3, 5))); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
