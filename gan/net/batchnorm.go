package net

import (
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
	scale, offset := scaleAndOffset(scope, x)
	if onCPU(x) {
		return batchNorm(scope, x, scale, offset)
	}
	rows := Reshape(x, -1, x.Shape().Dim(-1))
	return Reshape(batchNorm(scope, rows, scale, offset), x.Shape().Dimensions...)
}

// batchNorm is BatchNorm with a given scale and offset, each [features] or [batch, features].
func batchNorm(scope *model.Scope, x, scale, offset *Node) *Node {
	features := x.Shape().Dim(-1)
	zero, one := scope.WithInitializer(initializer.Zero), scope.WithInitializer(initializer.One)
	meanVar := variable(zero, x, "mean", features).SetTrainable(false)
	varianceVar := variable(one, x, "variance", features).SetTrainable(false)

	input := ConvertDType(x, masterDType(x))
	dims := x.Shape().Dimensions
	var mean, variance *Node
	if scope.IsTraining(x.Graph()) {
		input = once(input)
		rows := Reshape(input, -1, features)
		mean = columnMean(rows)
		centre := repeated(mean, rows.Shape().Dimensions)
		if onCPU(x) { // the variance has no slope by the mean, at any order: what would sum it up is not built
			centre = StopGradient(centre)
		}
		variance = columnMean(Square(Sub(rows, centre)))
		average(meanVar, mean)
		average(varianceVar, variance)
	} else {
		mean, variance = meanVar.NodeValue(x), varianceVar.NodeValue(x)
	}
	inverse := Inverse(Sqrt(AddScalar(variance, batchNormEpsilon)))
	centred := Sub(input, repeated(mean, dims))
	if scale.Rank() == 1 {
		return ConvertDType(Add(Mul(centred, repeated(Mul(scale, inverse), dims)), repeated(offset, dims)), x.DType())
	}
	factor := Mul(scale, ExpandLeftToRank(inverse, scale.Rank()))
	return ConvertDType(Add(Mul(centred, overFeatures(factor, x)), overFeatures(offset, x)), x.DType())
}

// scaleAndOffset are the learned scale and offset of a normalisation, [features] each in masterDType(x), which start one
// and zero.
func scaleAndOffset(scope *model.Scope, x *Node) (scale, offset *Node) {
	features := x.Shape().Dim(-1)
	scale = variable(scope.WithInitializer(initializer.One), x, "scale", features).NodeValue(x)
	offset = variable(scope.WithInitializer(initializer.Zero), x, "offset", features).NodeValue(x)
	return scale, offset
}

// overFeatures gives values per feature, or per sample and feature, the rank of x, so that they combine with it.
func overFeatures(values, x *Node) *Node {
	if values.Rank() == 1 {
		return ExpandLeftToRank(values, x.Rank())
	}
	dims := make([]int, x.Rank())
	for axis := range dims {
		dims[axis] = 1
	}
	dims[0], dims[x.Rank()-1] = values.Shape().Dim(0), values.Shape().Dim(1)
	return Reshape(values, dims...)
}

// average moves a running average towards the batch's value.
func average(v *model.Variable, batch *Node) {
	kept := MulScalar(v.NodeValue(batch), batchNormMomentum)
	v.SetNodeValue(StopGradient(Add(kept, MulScalar(batch, 1-batchNormMomentum))))
}
