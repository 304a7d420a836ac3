package net

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Dense is y = x·W + b. x: [batch, in]; y: [batch, out]. W ("weights": [in, out]) starts Glorot uniform and b
// ("biases": [out]) zero, as in Keras.
//
// Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
func Dense(scope *model.Scope, x *Node, out int) *Node {
	in := x.Shape().Dim(-1)
	weights := weightsVariable(scope, x.DType(), in, out).NodeValue(x)
	return Add(MatMul(x, weights), ExpandLeftToRank(bias(scope, x, out), 2))
}

// Conv2D is a convolution with stride 1 and no padding ("valid"), plus a bias. x: [batch, height, width, in];
// the result: [batch, height-size+1, width-size+1, out]. Weights and biases start as in Dense
// ("weights": [size, size, in, out]).
func Conv2D(scope *model.Scope, x *Node, out, size int) *Node {
	in := x.Shape().Dim(-1)
	kernel := weightsVariable(scope, x.DType(), size, size, in, out).NodeValue(x)
	return Add(convolve(x, kernel), ExpandLeftToRank(bias(scope, x, out), 4))
}

// MaxPool2 keeps the largest value of each 2×2 window, stride 2; an odd last row or column is dropped, as Keras and
// PyTorch do. x: [batch, height, width, channels]. Where values tie, as on a constant background, the first one in
// reading order has the gradient, as in PyTorch.
//
// It reshapes the image into windows and reduces: XLA's own pooling has a gradient (select-and-scatter) that is three
// times slower on the CPU, and GoMLX's Go backend has none at all.
func MaxPool2(x *Node) *Node {
	s := x.Shape()
	batch, height, width, channels := s.Dim(0), s.Dim(1)/2, s.Dim(2)/2, s.Dim(3)
	if s.Dim(1)%2 != 0 || s.Dim(2)%2 != 0 {
		x = Slice(x, AxisRange(), AxisRange(0, 2*height), AxisRange(0, 2*width), AxisRange())
	}
	windows := Reshape(x, batch, height, 2, width, 2, channels)
	return ReduceMax(IdentityWithCustomGradient(windows, toFirstLargest), 2, 4)
}

// toFirstLargest corrects the gradient that ReduceMax sends to its windows ([batch, height, 2, width, 2, channels]):
// each of several largest values gets the whole, and only the first one in reading order keeps it here.
func toFirstLargest(windows, gradient *Node) *Node {
	inWindow := func(reduce func(*Node, ...int) *Node, x *Node) *Node {
		return BroadcastToShape(ReduceAndKeep(x, reduce, 2, 4), x.Shape())
	}
	g, shape := windows.Graph(), windows.Shape()
	place := Add(MulScalar(Iota(g, shape, 2), 2), Iota(g, shape, 4))
	candidates := Where(Equal(windows, inWindow(ReduceMax, windows)), place, Scalar(g, shape.DType, 4))
	first := Equal(place, inWindow(ReduceMin, candidates))
	return Where(first, gradient, ScalarZero(g, shape.DType))
}

// Flatten keeps the batch axis and joins all others. x: [batch, …]; the result: [batch, features].
func Flatten(x *Node) *Node { return Reshape(x, x.Shape().Dim(0), -1) }

// LeakyReLU is max(x, 0) + slope·min(x, 0).
//
// Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
func LeakyReLU(x *Node, slope float64) *Node {
	return Where(GreaterThan(x, ScalarZero(x.Graph(), x.DType())), x, MulScalar(x, slope))
}

// ReLU is max(x, 0).
func ReLU(x *Node) *Node { return Max(x, ScalarZero(x.Graph(), x.DType())) }

// convolve is a valid convolution with stride 1. x: [batch, height, width, in]; kernel: [size, size, in, out].
// XLA's convolution is fast where there are many input channels. Elsewhere it is one matrix product over patches: with
// few channels, with even kernels, whose gradient by x is wrong in GoMLX 0.28.2 (convVJPWrtX pads by size-2 and size
// where both sides need size-1), and always on the Go backend, whose convolution takes seconds.
func convolve(x, kernel *Node) *Node {
	const fewChannels = 4
	odd := kernel.Shape().Dim(0)%2 == 1
	if x.Graph().Backend().Name() == "xla" && x.Shape().Dim(-1) > fewChannels && odd {
		return Convolve(x, kernel).NoPadding().Done()
	}
	xs, ks := x.Shape(), kernel.Shape()
	size, in, out := ks.Dim(0), ks.Dim(2), ks.Dim(3)
	height, width := xs.Dim(1)-size+1, xs.Dim(2)-size+1
	var patches []*Node
	for row := range size {
		for column := range size {
			patches = append(patches, Slice(x, AxisRange(), AxisRange(row, row+height), AxisRange(column, column+width),
				AxisRange()))
		}
	}
	rows := Reshape(Concatenate(patches, -1), -1, size*size*in)
	return Reshape(MatMul(rows, Reshape(kernel, size*size*in, out)), xs.Dim(0), height, width, out)
}

func weightsVariable(scope *model.Scope, dtype dtypes.DType, dims ...int) *model.Variable {
	return scope.WithInitializer(initializer.GlorotUniformFn(scope)).
		VariableWithShape("weights", shapes.Make(dtype, dims...))
}

func bias(scope *model.Scope, x *Node, out int) *Node {
	return scope.WithInitializer(initializer.Zero).VariableWithShape("biases", shapes.Make(x.DType(), out)).NodeValue(x)
}
