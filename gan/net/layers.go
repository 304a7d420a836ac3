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
	w := weights(scope, x, x.Shape().Dim(-1), out)
	if out == 1 && x.Rank() == 2 && onCPU(x) {
		return addBias(scope, oneColumn(x, w))
	}
	return addBias(scope, MatMul(x, w))
}

// Conv2D is a convolution with stride 1 and no padding ("valid"), plus a bias. x: [batch, height, width, in];
// the result: [batch, height-size+1, width-size+1, out]. Weights and biases start as in Dense
// ("weights": [size, size, in, out]).
func Conv2D(scope *model.Scope, x *Node, out, size int) *Node {
	requireImages("Conv2D", x)
	w := window{height: x.Shape().Dim(1), width: x.Shape().Dim(2), size: size, stride: 1}
	return w.biased(scope, x, weights(WithGlorot(scope), x, size, size, x.Shape().Dim(3), out))
}

// crop keeps the first rows and columns of x, [batch, height, width, channels].
func crop(x *Node, rows, columns int) *Node {
	height, width := x.Shape().Dim(1), x.Shape().Dim(2)
	if height == rows && width == columns {
		return x
	}
	return withAdjoints(Slice(x, AxisRange(), AxisRange(0, rows), AxisRange(0, columns)),
		linearIn{x, func(y *Node) *Node { return uncrop(y, height, width) }})
}

// uncrop is the adjoint of crop: it adds rows and columns of zeros to y.
func uncrop(y *Node, height, width int) *Node {
	rows, columns := y.Shape().Dim(1), y.Shape().Dim(2)
	return withAdjoints(zeroExtend(y, height, width),
		linearIn{y, func(x *Node) *Node { return crop(x, rows, columns) }})
}

// Flatten keeps the batch axis and joins all others. x: [batch, …]; the result: [batch, features].
func Flatten(x *Node) *Node { return Reshape(x, x.Shape().Dim(0), -1) }

// LeakyReLU is max(x, 0) + slope·min(x, 0).
//
// Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
func LeakyReLU(x *Node, slope float64) *Node {
	return activated(Where(GreaterThan(x, ScalarZero(x.Graph(), x.DType())), x, MulScalar(x, slope)), x, slope)
}

// ReLU is max(x, 0).
func ReLU(x *Node) *Node {
	zero := ScalarZero(x.Graph(), x.DType())
	if !onCPU(x) {
		return Max(x, zero)
	}
	return activated(Where(GreaterThan(x, zero), x, zero), x, 0)
}
