package net

import (
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Constants of BatchNorm; those of PyTorch's and Keras' defaults that suit short GAN runs.
const (
	batchNormEpsilon  = 1e-5
	batchNormMomentum = 0.9
)

// BatchNorm normalises each feature (the last axis) over all other axes and applies a learned scale and offset:
//
//	y = scale · (x - μ) / sqrt(σ² + 1e-5) + offset
//
// While training, μ and σ² are those of the batch, and running averages of them (momentum 0.9) are kept in the
// variables "mean" and "variance"; otherwise the averages are used, so that a sample does not depend on which others
// are drawn with it. Whether a graph trains is told by scope.Store().SetTraining.
//
// Ioffe and Szegedy, "Batch normalization", 2015, arXiv:1502.03167.
func BatchNorm(scope *model.Scope, x *Node) *Node {
	g, features := x.Graph(), x.Shape().Dim(-1)
	shape := shapes.Make(x.DType(), features)
	zero, one := scope.WithInitializer(initializer.Zero), scope.WithInitializer(initializer.One)
	scale := one.VariableWithShape("scale", shape).NodeValue(g)
	offset := zero.VariableWithShape("offset", shape).NodeValue(g)
	meanVar := zero.VariableWithShape("mean", shape).SetTrainable(false)
	varianceVar := one.VariableWithShape("variance", shape).SetTrainable(false)

	var mean, variance *Node
	if scope.IsTraining(g) {
		var axes []int
		for axis := range x.Rank() - 1 {
			axes = append(axes, axis)
		}
		mean = ReduceMean(x, axes...)
		variance = ReduceMean(Square(Sub(x, ExpandLeftToRank(mean, x.Rank()))), axes...)
		average(meanVar, mean)
		average(varianceVar, variance)
	} else {
		mean, variance = meanVar.NodeValue(g), varianceVar.NodeValue(g)
	}
	factor := Mul(scale, Inverse(Sqrt(AddScalar(variance, batchNormEpsilon))))
	x = Sub(x, ExpandLeftToRank(mean, x.Rank()))
	return Add(Mul(x, ExpandLeftToRank(factor, x.Rank())), ExpandLeftToRank(offset, x.Rank()))
}

// average moves a running average towards the batch's value.
func average(v *model.Variable, batch *Node) {
	kept := MulScalar(v.NodeValue(batch), batchNormMomentum)
	v.SetNodeValue(StopGradient(Add(kept, MulScalar(batch, 1-batchNormMomentum))))
}
