//go:build linux && amd64

package compilecache_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/gantest"
)

// moved is a convolution or correlation, and which of the forms in which programs say them.
type moved struct {
	batch, height, width, in, out, high, wide, stride, dilation, top, beside, bottom, right int
	flipped, turned                                                                         bool
}

// size is how many rows or columns the result has.
func (c moved) size() (rows, columns int) {
	return ((c.height-1)*c.dilation+1+c.top+c.bottom-c.high)/c.stride + 1, ((c.width-1)*c.dilation+1+c.beside+c.right-c.wide)/c.stride + 1
}

// each calls f for all that one pixel of the result is made of: pixels of the image and of the kernel.
func (c moved) each(row, column int, f func(y, x, ky, kx int)) {
	for ky := range c.high {
		for kx := range c.wide {
			y, x := row*c.stride+ky-c.top, column*c.stride+kx-c.beside
			if y < 0 || x < 0 || y%c.dilation != 0 || x%c.dilation != 0 || y/c.dilation >= c.height || x/c.dilation >= c.width {
				continue
			}
			if c.flipped {
				f(y/c.dilation, x/c.dilation, c.high-1-ky, c.wide-1-kx)
			} else {
				f(y/c.dilation, x/c.dilation, ky, kx)
			}
		}
	}
}

var convolutions = []moved{
	{batch: 64, height: 14, width: 14, in: 32, out: 64, high: 4, wide: 4, stride: 2, dilation: 1, top: 1, beside: 1, bottom: 1, right: 1},
	{batch: 64, height: 7, width: 7, in: 64, out: 32, high: 4, wide: 4, stride: 1, dilation: 2, top: 2, beside: 2, bottom: 2, right: 2, flipped: true, turned: true},
	{batch: 5, height: 9, width: 6, in: 70, out: 131, high: 3, wide: 3, stride: 1, dilation: 1, top: 1, beside: 1, bottom: 1, right: 1},
	{batch: 3, height: 11, width: 8, in: 300, out: 9, high: 3, wide: 2, stride: 3, dilation: 1, top: 2, beside: 0, bottom: 1, right: 3},
	{batch: 2, height: 5, width: 7, in: 8, out: 17, high: 6, wide: 6, stride: 1, dilation: 3, top: 4, beside: 3, bottom: 5, right: 4, turned: true},
	{batch: 7, height: 13, width: 12, in: 33, out: 65, high: 5, wide: 5, stride: 1, dilation: 1, flipped: true},
	{batch: 1, height: 1, width: 1, in: 512, out: 64, high: 3, wide: 3, stride: 1, dilation: 1, top: 1, beside: 1, bottom: 1, right: 1},
	{batch: 64, height: 64, width: 64, in: 3, out: 32, high: 4, wide: 4, stride: 2, dilation: 1, top: 1, beside: 1, bottom: 1, right: 1},
	{batch: 3, height: 9, width: 7, in: 2, out: 70, high: 5, wide: 5, stride: 1, dilation: 1, top: 2, beside: 2, bottom: 2, right: 2},
	{batch: 5, height: 3, width: 2, in: 1, out: 9, high: 4, wide: 4, stride: 2, dilation: 1, top: 2, beside: 3, bottom: 3, right: 3},
	{batch: 64, height: 32, width: 32, in: 32, out: 3, high: 4, wide: 4, stride: 1, dilation: 2, top: 2, beside: 2, bottom: 2, right: 2, flipped: true, turned: true},
	{batch: 5, height: 9, width: 7, in: 300, out: 1, high: 4, wide: 4, stride: 1, dilation: 2, top: 2, beside: 2, bottom: 2, right: 2, flipped: true, turned: true},
	{batch: 3, height: 4, width: 5, in: 33, out: 2, high: 6, wide: 6, stride: 1, dilation: 3, top: 4, beside: 3, bottom: 5, right: 4, flipped: true, turned: true},
	// Winograd's, of which some tiles are partly beside the image.
	{batch: 9, height: 13, width: 13, in: 64, out: 128, high: 3, wide: 3, stride: 1, dilation: 1},
	{batch: 11, height: 9, width: 6, in: 32, out: 80, high: 3, wide: 3, stride: 1, dilation: 1, top: 1, beside: 1, bottom: 1, right: 1},
	{batch: 6, height: 7, width: 12, in: 16, out: 16, high: 3, wide: 3, stride: 1, dilation: 1, top: 2, beside: 0, bottom: 2, right: 1, flipped: true, turned: true},
	{batch: 64, height: 8, width: 8, in: 128, out: 256, high: 4, wide: 4, stride: 2, dilation: 1, top: 1, beside: 1, bottom: 1, right: 1},
	{batch: 64, height: 4, width: 4, in: 256, out: 128, high: 4, wide: 4, stride: 1, dilation: 2, top: 2, beside: 2, bottom: 2, right: 2, flipped: true, turned: true},
	{batch: 13, height: 11, width: 8, in: 48, out: 144, high: 4, wide: 4, stride: 2, dilation: 1, top: 2, beside: 3, bottom: 3, right: 2},
	{batch: 12, height: 5, width: 6, in: 16, out: 96, high: 4, wide: 4, stride: 1, dilation: 2, top: 3, beside: 2, bottom: 2, right: 3, turned: true},
	{batch: 10, height: 12, width: 12, in: 32, out: 32, high: 6, wide: 6, stride: 2, dilation: 1, top: 2, beside: 2, bottom: 2, right: 2},
	{batch: 10, height: 6, width: 6, in: 32, out: 32, high: 6, wide: 6, stride: 1, dilation: 2, top: 3, beside: 3, bottom: 3, right: 3, flipped: true, turned: true},
	{batch: 2, height: 4, width: 4, in: 16, out: 16, high: 2, wide: 2, stride: 1, dilation: 2, top: 1, beside: 1, bottom: 1, right: 1},
}

// TestConvolutions compares convolutions and correlations with sums in float64, in a sample of places, and wants them to repeat to the bit.
func TestConvolutions(t *testing.T) {
	backend := gantest.XLA(t)
	random := rand.New(rand.NewPCG(5, 5))
	for _, c := range convolutions {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			rows, columns := c.size()
			images := numbers(random, c.batch, c.height, c.width, c.in)
			results := numbers(random, c.batch, rows, columns, c.out)
			kernel := numbers(random, c.high, c.wide, c.in, c.out)
			kernelOf := func(ky, kx, n, o int) float64 {
				if c.turned {
					return float64(kernel.flat[((ky*c.wide+kx)*c.out+o)*c.in+n])
				}
				return float64(kernel.flat[((ky*c.wide+kx)*c.in+n)*c.out+o])
			}
			imageAt := func(b, y, x, n int) float64 { return float64(images.flat[((b*c.height+y)*c.width+x)*c.in+n]) }

			got := c.computed(t, backend, c.convolution, images.tensor(), kernel.tensorAs(c))
			worst := 0.0
			for range 500 {
				b, row, column, o := random.IntN(c.batch), random.IntN(rows), random.IntN(columns), random.IntN(c.out)
				want := 0.0
				c.each(row, column, func(y, x, ky, kx int) {
					for n := range c.in {
						want += imageAt(b, y, x, n) * kernelOf(ky, kx, n, o)
					}
				})
				worst = max(worst, math.Abs(float64(got[((b*rows+row)*columns+column)*c.out+o])-want))
			}
			if bound := 4e-7 * math.Sqrt(float64(c.high*c.wide*c.in)); worst > bound {
				t.Errorf("convolution: %g off, want %g at most", worst, bound)
			}
			if c.dilation > 1 || c.flipped || c.turned {
				return
			}
			got = c.computed(t, backend, c.correlation, images.tensor(), results.tensor())
			worst = 0
			for range 200 {
				ky, kx, n, o := random.IntN(c.high), random.IntN(c.wide), random.IntN(c.in), random.IntN(c.out)
				want := 0.0
				for b := range c.batch {
					for row := range rows {
						for column := range columns {
							c.each(row, column, func(y, x, atY, atX int) {
								if atY == ky && atX == kx {
									want += imageAt(b, y, x, n) * float64(results.flat[((b*rows+row)*columns+column)*c.out+o])
								}
							})
						}
					}
				}
				worst = max(worst, math.Abs(float64(got[((ky*c.wide+kx)*c.in+n)*c.out+o])-want))
			}
			if bound := 4e-7 * math.Sqrt(float64(c.batch*rows*columns)); worst > bound {
				t.Errorf("correlation: %g off, want %g at most", worst, bound)
			}
		})
	}
}

type array struct {
	flat []float32
	dims []int
}

func numbers(random *rand.Rand, dims ...int) array {
	size := 1
	for _, d := range dims {
		size *= d
	}
	a := array{make([]float32, size), dims}
	for i := range a.flat {
		a.flat[i] = random.Float32() - 0.5
	}
	return a
}

func (a array) tensor() *tensors.Tensor { return tensors.FromFlatDataAndDimensions(a.flat, a.dims...) }

// tensorAs is a kernel with its channels in the order that c wants.
func (a array) tensorAs(c moved) *tensors.Tensor {
	if c.turned {
		return tensors.FromFlatDataAndDimensions(a.flat, c.high, c.wide, c.out, c.in)
	}
	return a.tensor()
}

func (c moved) computed(t *testing.T, backend compute.Backend, f func(x, y *graph.Node) *graph.Node, x, y *tensors.Tensor) []float32 {
	t.Helper()
	exec := graph.MustNewExec(backend, f)
	defer exec.Finalize()
	got := tensors.MustCopyFlatData[float32](exec.MustCall1(x, y))
	for range 5 {
		if again := tensors.MustCopyFlatData[float32](exec.MustCall1(x, y)); !slices.Equal(again, got) {
			t.Fatal("another call gives other numbers")
		}
	}
	return got
}

func (c moved) convolution(x, kernel *graph.Node) *graph.Node {
	axes := compute.ConvolveAxesConfig{InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3,
		KernelSpatial: []int{0, 1}, KernelInputChannels: 2, KernelOutputChannels: 3,
		OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3}
	if c.turned {
		axes.KernelInputChannels, axes.KernelOutputChannels = 3, 2
	}
	if c.flipped {
		kernel = graph.Reverse(kernel, 0, 1)
	}
	return graph.ConvGeneral(x, kernel, axes, []int{c.stride, c.stride}, [][2]int{{c.top, c.bottom}, {c.beside, c.right}},
		[]int{c.dilation, c.dilation}, []int{1, 1}, 1, 1)
}

func (c moved) correlation(x, y *graph.Node) *graph.Node {
	axes := compute.ConvolveAxesConfig{InputBatch: 3, InputSpatial: []int{1, 2}, InputChannels: 0,
		KernelInputChannels: 0, KernelOutputChannels: 3, KernelSpatial: []int{1, 2},
		OutputBatch: 2, OutputSpatial: []int{0, 1}, OutputChannels: 3}
	rows, columns := c.size()
	bottom, right := (rows-1)*c.stride+c.high-c.height-c.top, (columns-1)*c.stride+c.wide-c.width-c.beside
	return graph.ConvGeneral(x, y, axes, []int{1, 1}, [][2]int{{c.top, bottom}, {c.beside, right}}, []int{1, 1}, []int{c.stride, c.stride}, 1, 1)
}
