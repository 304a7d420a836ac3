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

// Flatten keeps the batch axis and joins all others. x: [batch, …]; the result: [batch, features].
func Flatten(x *Node) *Node { return Reshape(x, x.Shape().Dim(0), -1) }
