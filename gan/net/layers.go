package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// Dense is y = x·W + b. x: [batch, in]; y: [batch, out]. W ("weights": [in, out]) starts Glorot uniform and b
// ("biases": [out]) zero, as in Keras. Linear leaves the start to the scope.
//
// Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
func Dense(scope *model.Scope, x *Node, out int) *Node { return Linear(WithGlorot(scope), x, out) }

// Linear is Dense with weights that start by the scope's initializer.
func Linear(scope *model.Scope, x *Node, out int) *Node {
	return addBias(scope, MatMul(x, weights(scope, x, x.Shape().Dim(-1), out)))
}

// Conv2D is a convolution with stride 1 and no padding ("valid"), plus a bias. x: [batch, height, width, in];
// the result: [batch, height-size+1, width-size+1, out]. Weights and biases start as in Dense
// ("weights": [size, size, in, out]).
func Conv2D(scope *model.Scope, x *Node, out, size int) *Node {
	requireImages("Conv2D", x)
	w := window{height: x.Shape().Dim(1), width: x.Shape().Dim(2), size: size, stride: 1}
	return addBias(scope, w.convolve(x, weights(WithGlorot(scope), x, size, size, x.Shape().Dim(3), out)))
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
		x = crop(x, 2*height, 2*width)
	}
	windows := Reshape(x, batch, height, 2, width, 2, channels)
	return ReduceMax(IdentityWithCustomGradient(windows, toFirstLargest), 2, 4)
}

// crop keeps the first rows and columns of x, [batch, height, width, channels].
func crop(x *Node, rows, columns int) *Node {
	height, width := x.Shape().Dim(1), x.Shape().Dim(2)
	return withAdjoints(Slice(x, AxisRange(), AxisRange(0, rows), AxisRange(0, columns)),
		linearIn{x, func(y *Node) *Node { return uncrop(y, height, width) }})
}

// uncrop is the adjoint of crop: it adds rows and columns of zeros to y.
func uncrop(y *Node, height, width int) *Node {
	rows, columns := y.Shape().Dim(1), y.Shape().Dim(2)
	return withAdjoints(pad(y, 0, 0, height, width),
		linearIn{y, func(x *Node) *Node { return crop(x, rows, columns) }})
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
