package net

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/internal/wide"
)

// window is the geometry of a convolution: a square kernel of size×size moves in steps of stride over images of
// height×width with pad zeros on each side. size is a multiple of stride.
//
// A convolution y(x, kernel) is linear in each operand, and so are its two adjoints; each of the three has the other two
// as adjoints of its own. So the three methods convolve, transpose and correlate can be differentiated any number of
// times, with whatever computes them fastest:
//
//	⟨convolve(x, kernel), y⟩ = ⟨x, transpose(y, kernel)⟩ = ⟨kernel, correlate(x, y)⟩
//
// x: [batch, height, width, in]; kernel: [size, size, in, out]; y: [batch, rows, columns, out].
//
// On XLA most of them are its own convolution, which on a processor that can is ours (device/compilecache, decision 18). Measured on its CPU
// backend (BenchmarkConvolutions), a matrix product is faster where there are few channels, and, by XLA's own, for transposed
// convolutions with strides or with more channels read than written. The Go backend reads the windows in place, and there only transposed
// convolutions are products.
type window struct{ height, width, size, stride, pad int }

func (w window) rows() int    { return (w.height+2*w.pad-w.size)/w.stride + 1 }
func (w window) columns() int { return (w.width+2*w.pad-w.size)/w.stride + 1 }

// convolve is the sum of the kernel's products with each window of x.
func (w window) convolve(x, kernel *Node) *Node {
	return WithAdjoints(w.convolved(x, kernel),
		LinearIn{x, func(y *Node) *Node { return w.transpose(y, kernel) }},
		LinearIn{kernel, func(y *Node) *Node { return w.correlate(x, y) }})
}

// biased is convolve plus "biases", and notes that it is.
func (w window) biased(scope *model.Scope, x, kernel *Node) *Node {
	b, y := biases(scope, x, kernel.Shape().Dim(3)), w.convolve(x, kernel)
	y = Add(y, repeated(b, y.Shape().Dimensions))
	if w.stride != 1 {
		return y
	}
	return noted(y, affine{window: w, x: x, kernel: kernel, biases: b, slope: 1})
}

// transpose spreads y over the windows it came from: the transposed convolution.
func (w window) transpose(y, kernel *Node) *Node {
	return WithAdjoints(w.transposed(y, kernel),
		LinearIn{y, func(x *Node) *Node { return w.convolve(x, kernel) }},
		LinearIn{kernel, func(x *Node) *Node { return w.correlate(x, y) }})
}

// correlate sums the products of y with the windows of x.
func (w window) correlate(x, y *Node) *Node {
	return WithAdjoints(w.correlated(x, y),
		LinearIn{x, func(kernel *Node) *Node { return w.transpose(y, kernel) }},
		LinearIn{y, func(kernel *Node) *Node { return w.convolve(x, kernel) }})
}

// fewChannels is up to how many channels of x patches beat XLA's own convolution; ours needs more than as many, too.
const fewChannels = wide.Few

// ownConvolution tells whether XLA calls our own convolutions for x.
func ownConvolution(x *Node) bool { return onCPU(x) && x.DType() == dtypes.Float32 && wide.Able() }

// rowsAtOnce tells whether our convolution reads a row of the window at once, so that few channels are enough.
func (w window) rowsAtOnce(x *Node, in, out int) bool {
	return ownConvolution(x) && wide.ReadsRows(in, w.size) && out > fewChannels
}

func onXLA(x *Node) bool { return x.Graph().Backend().Name() == "xla" }

// onGo says whether x is computed by package device/purego, which reads windows in place.
func onGo(x *Node) bool { return x.Graph().Backend().Name() == "go" }

func (w window) convolved(x, kernel *Node) *Node {
	if in, out := x.Shape().Dim(3), kernel.Shape().Dim(3); onGo(x) || onXLA(x) && (in > fewChannels || w.rowsAtOnce(x, in, out)) {
		axes := compute.ConvolveAxesConfig{InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3,
			KernelSpatial: []int{0, 1}, KernelInputChannels: 2, KernelOutputChannels: 3,
			OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3}
		return ConvGeneral(x, kernel, axes, []int{w.stride, w.stride}, [][2]int{{w.pad, w.pad}, {w.pad, w.pad}},
			[]int{1, 1}, []int{1, 1}, 1, 1)
	}
	return w.convolvedByProduct(x, kernel)
}

func (w window) convolvedByProduct(x, kernel *Node) *Node {
	return Reshape(MatMul(w.patches(x), w.matrix(kernel)), -1, w.rows(), w.columns(), kernel.Shape().Dim(3))
}

func (w window) transposed(y, kernel *Node) *Node {
	in, out := kernel.Shape().Dim(2), kernel.Shape().Dim(3)
	if ownConvolution(y) && out > fewChannels && (in > fewChannels || w.stride > 1 && wide.MakesRows(in, w.size)) || onXLA(y) && w.stride == 1 && out < 2*in {
		return w.transposedByXLA(y, kernel)
	}
	return w.transposedByProduct(y, kernel)
}

// transposedByXLA is the convolution of an image with zeros between its pixels.
func (w window) transposedByXLA(y, kernel *Node) *Node {
	axes := compute.ConvolveAxesConfig{InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3,
		KernelSpatial: []int{0, 1}, KernelInputChannels: 3, KernelOutputChannels: 2,
		OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3}
	start := w.size - 1 - w.pad
	end := func(size, steps int) int { return size + w.size - 1 - ((steps-1)*w.stride + 1) - start }
	return ConvGeneral(y, Reverse(kernel, 0, 1), axes, []int{1, 1},
		[][2]int{{start, end(w.height, w.rows())}, {start, end(w.width, w.columns())}},
		[]int{w.stride, w.stride}, []int{1, 1}, 1, 1)
}

func (w window) transposedByProduct(y, kernel *Node) *Node {
	in, out := kernel.Shape().Dim(2), kernel.Shape().Dim(3)
	products := Dot(Reshape(y, -1, out), w.matrix(kernel)).General([]int{1}, nil, []int{1}, nil)
	return w.overlap(products, in)
}

func (w window) correlated(x, y *Node) *Node {
	if in, out := x.Shape().Dim(3), y.Shape().Dim(3); onGo(x) || onXLA(x) && (in > fewChannels || w.rowsAtOnce(x, in, out)) {
		axes := compute.ConvolveAxesConfig{InputBatch: 3, InputSpatial: []int{1, 2}, InputChannels: 0,
			KernelInputChannels: 0, KernelOutputChannels: 3, KernelSpatial: []int{1, 2},
			OutputBatch: 2, OutputSpatial: []int{0, 1}, OutputChannels: 3}
		// The last windows may end before the padded image does.
		bottom := (w.rows()-1)*w.stride + w.size - w.height - w.pad
		right := (w.columns()-1)*w.stride + w.size - w.width - w.pad
		return ConvGeneral(x, y, axes, []int{1, 1}, [][2]int{{w.pad, bottom}, {w.pad, right}}, []int{1, 1},
			[]int{w.stride, w.stride}, 1, 1)
	}
	return w.correlatedByProduct(x, y)
}

func (w window) correlatedByProduct(x, y *Node) *Node {
	in, out, steps := x.Shape().Dim(3), y.Shape().Dim(3), w.size/w.stride
	matrix := Dot(w.patches(x), Reshape(y, -1, out)).General([]int{0}, nil, []int{0}, nil)
	matrix = TransposeAllAxes(Reshape(matrix, steps, steps, w.stride, w.stride, in, out), 0, 2, 1, 3, 4, 5)
	return Reshape(matrix, w.size, w.size, in, out)
}

// patches lays out each window of x as a row, [batch·rows·columns, size·size·in]. Blocks of stride×stride pixels are
// made channels first, so that windows move by whole pixels of such an image: (size/stride)² pieces instead of size².
func (w window) patches(x *Node) *Node {
	batch, in := x.Shape().Dim(0), x.Shape().Dim(3)
	steps, rows, columns := w.size/w.stride, w.rows(), w.columns()
	high, wide := rows+steps-1, columns+steps-1
	// Pixels that no window reaches are cut off at the end.
	x = pad(x, w.pad, w.pad, max(high*w.stride, w.pad+w.height), max(wide*w.stride, w.pad+w.width))
	x = Slice(x, AxisRange(), AxisRange(0, high*w.stride), AxisRange(0, wide*w.stride))
	x = spaceToDepth(x, w.stride)
	var pieces []*Node
	for row := range steps {
		for column := range steps {
			pieces = append(pieces, Slice(x, AxisRange(), AxisRange(row, row+rows), AxisRange(column, column+columns)))
		}
	}
	return Reshape(Concatenate(pieces, -1), batch*rows*columns, w.size*w.size*in)
}

// overlap is the adjoint of patches: it adds up windows given as rows to images [batch, height, width, in].
func (w window) overlap(products *Node, in int) *Node {
	steps, rows, columns := w.size/w.stride, w.rows(), w.columns()
	channels := w.stride * w.stride * in
	products = Reshape(products, -1, rows, columns, steps, steps, channels)
	batch := products.Shape().Dim(0)
	var sum *Node
	for row := range steps {
		for column := range steps {
			piece := Slice(products, AxisRange(), AxisRange(), AxisRange(), AxisElem(row), AxisElem(column))
			piece = pad(Reshape(piece, batch, rows, columns, channels), row, column, rows+steps-1, columns+steps-1)
			if sum == nil {
				sum = piece
			} else {
				sum = Add(sum, piece)
			}
		}
	}
	sum = depthToSpace(sum, w.stride)
	// Pixels that no window reached are missing at the end.
	sum = pad(sum, 0, 0, max(sum.Shape().Dim(1), w.pad+w.height), max(sum.Shape().Dim(2), w.pad+w.width))
	return Slice(sum, AxisRange(), AxisRange(w.pad, w.pad+w.height), AxisRange(w.pad, w.pad+w.width))
}

// matrix is the kernel as a matrix that fits patches, [size·size·in, out].
func (w window) matrix(kernel *Node) *Node {
	in, out := kernel.Shape().Dim(2), kernel.Shape().Dim(3)
	steps := w.size / w.stride
	kernel = TransposeAllAxes(Reshape(kernel, steps, w.stride, steps, w.stride, in, out), 0, 2, 1, 3, 4, 5)
	return Reshape(kernel, w.size*w.size*in, out)
}

// pad sets x, [batch, height, width, channels], into zeros [batch, high, wide, channels], its corner at (top, left).
func pad(x *Node, top, left, high, wide int) *Node {
	bottom, right := high-top-x.Shape().Dim(1), wide-left-x.Shape().Dim(2)
	if top == 0 && left == 0 && bottom == 0 && right == 0 {
		return x
	}
	return Pad(x, ScalarZero(x.Graph(), x.DType()), PadAxis{}, PadAxis{Start: top, End: bottom},
		PadAxis{Start: left, End: right}, PadAxis{})
}

// spaceToDepth makes each block×block pixels of x one pixel with block·block·channels channels.
func spaceToDepth(x *Node, block int) *Node {
	s := x.Shape()
	batch, high, wide, channels := s.Dim(0), s.Dim(1)/block, s.Dim(2)/block, s.Dim(3)
	x = TransposeAllAxes(Reshape(x, batch, high, block, wide, block, channels), 0, 1, 3, 2, 4, 5)
	return Reshape(x, batch, high, wide, block*block*channels)
}

// depthToSpace undoes spaceToDepth.
func depthToSpace(x *Node, block int) *Node {
	s := x.Shape()
	batch, high, wide, channels := s.Dim(0), s.Dim(1), s.Dim(2), s.Dim(3)/(block*block)
	x = TransposeAllAxes(Reshape(x, batch, high, wide, block, block, channels), 0, 1, 3, 2, 4, 5)
	return Reshape(x, batch, high*block, wide*block, channels)
}

// Convolution is the convolution of images with a kernel of one's own: its products with each window, which moves in steps of stride
// over images with pad zeros on each side. It is what the convolutions of this package are made of, so it runs by what is fastest
// on each backend, and it can be differentiated any number of times, where GoMLX's own can once. Layers that share, scale or split
// a kernel are built on it: grouped convolutions of slices of x, modulated ones of x scaled by a style.
//
// x: [batch, height, width, in]; kernel: [size, size, in, out], size a multiple of stride; the result: [batch, rows, columns, out]
// with rows = (height + 2·pad - size)/stride + 1. It panics on shapes that do not fit.
func Convolution(x, kernel *Node, stride, pad int) *Node {
	return windowOf(x, kernel, stride, pad).convolve(x, kernel)
}

// TransposedConvolution is the transposed convolution, the adjoint of Convolution by x: it adds up the kernel at each pixel of y, in steps
// of stride. y: [batch, rows, columns, out]; kernel: [size, size, in, out]; the result: [batch, height, width, in], of which Convolution
// makes as many rows and columns as y has.
func TransposedConvolution(y, kernel *Node, stride, pad, height, width int) *Node {
	size := kernel.Shape().Dim(0)
	w := window{height, width, size, stride, pad}
	if d := y.Shape().Dimensions; kernel.Rank() != 4 || len(d) != 4 || stride < 1 || size%stride != 0 || d[1] != w.rows() || d[2] != w.columns() ||
		d[3] != kernel.Shape().Dim(3) {
		panic(fmt.Errorf("images of %d×%d with a kernel %s, stride %d and pad %d give no %s", height, width, kernel.Shape(), stride, pad, y.Shape()))
	}
	return w.transpose(y, kernel)
}

func windowOf(x, kernel *Node, stride, pad int) window {
	if x.Rank() != 4 || kernel.Rank() != 4 || kernel.Shape().Dim(0) != kernel.Shape().Dim(1) || kernel.Shape().Dim(2) != x.Shape().Dim(3) {
		panic(fmt.Errorf("a kernel %s does not fit images %s: want [size, size, in, out] and [batch, height, width, in]", kernel.Shape(), x.Shape()))
	}
	w := window{x.Shape().Dim(1), x.Shape().Dim(2), kernel.Shape().Dim(0), stride, pad}
	if stride < 1 || pad < 0 || w.size%stride != 0 || w.rows() < 1 || w.columns() < 1 {
		panic(fmt.Errorf("a kernel of %d×%d with stride %d and pad %d does not move over images of %d×%d: the size must be a multiple of the stride",
			w.size, w.size, stride, pad, w.height, w.width))
	}
	return w
}
