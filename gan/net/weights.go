package net

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// masterDType is the dtype in which the weights of a layer with input x are kept, and its statistics computed: float32,
// so that small updates are not lost where a network computes in bfloat16, or float64 where x is that.
func masterDType(x *Node) dtypes.DType {
	if x.DType() == dtypes.Float64 {
		return dtypes.Float64
	}
	return dtypes.Float32
}

// variable finds or creates a variable of a layer with input x, in masterDType(x).
func variable(scope *model.Scope, x *Node, name string, dims ...int) *model.Variable {
	return scope.VariableWithShape(name, shapes.Make(masterDType(x), dims...))
}

// parameter is a trainable variable of a layer, converted to the dtype of its input x.
func parameter(scope *model.Scope, x *Node, name string, dims ...int) *Node {
	return ConvertDType(variable(scope, x, name, dims...).NodeValue(x), x.DType())
}

// weights are a layer's weights, which start by the scope's initializer.
func weights(scope *model.Scope, x *Node, dims ...int) *Node {
	return parameter(scope, x, "weights", dims...)
}

// addBias adds "biases": [features], which start zero, to the last axis of x.
func addBias(scope *model.Scope, x *Node) *Node {
	return Add(x, repeated(biases(scope, x, x.Shape().Dim(-1)), x.Shape().Dimensions))
}

// biases are a layer's biases, which start zero.
func biases(scope *model.Scope, x *Node, features int) *Node {
	return parameter(scope.WithInitializer(initializer.Zero), x, "biases", features)
}

// WithNormal returns the scope with weights that start N(0, deviation²). DCGAN's deviation is 0.02 (Radford et al., 2015,
// arXiv:1511.06434).
//
// Layers that say so start their weights by the scope's initializer. A new scope has GoMLX's own, which is WithHe's.
func WithNormal(scope *model.Scope, deviation float64) *model.Scope {
	return scope.WithInitializer(initializer.RandomNormalFn(scope, deviation))
}

// WithHe returns the scope with weights that start N(0, 2/inputs), which keeps the variance through ReLUs. He et al.,
// "Delving deep into rectifiers", 2015, arXiv:1502.01852.
func WithHe(scope *model.Scope) *model.Scope { return scope.WithInitializer(initializer.HeFn(scope)) }

// WithGlorot returns the scope with weights that start uniform in ±sqrt(6 / (inputs + outputs)). Glorot and Bengio,
// "Understanding the difficulty of training deep feedforward neural networks", 2010.
func WithGlorot(scope *model.Scope) *model.Scope {
	return scope.WithInitializer(initializer.GlorotUniformFn(scope))
}
