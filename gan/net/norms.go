package net

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// normEpsilon is added to the variance under the root by LayerNorm and InstanceNorm: with none, a constant input would
// have no gradient.
const normEpsilon = 1e-5

// LayerNorm normalises each sample over all its features and pixels, then applies a learned scale and offset per feature
// (the last axis). Samples do not see each other, which a gradient penalty on single samples needs: the critic of
// WGAN-GP uses it in place of batch normalisation (Gulrajani et al., 2017, arXiv:1704.00028).
// x: [batch, …, features].
//
// Ba, Kiros and Hinton, "Layer normalization", 2016, arXiv:1607.06450.
func LayerNorm(scope *model.Scope, x *Node) *Node {
	var axes []int
	for axis := 1; axis < x.Rank(); axis++ {
		axes = append(axes, axis)
	}
	return standardise(scope, x, axes)
}

// InstanceNorm normalises each channel of each image over its pixels, then applies a learned scale and offset per
// channel. x: [batch, height, width, channels].
//
// Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016, arXiv:1607.08022.
func InstanceNorm(scope *model.Scope, x *Node) *Node {
	requireImages("InstanceNorm", x)
	return standardise(scope, x, []int{1, 2})
}

// standardise gives x mean 0 and variance 1 over axes, then a learned scale and offset.
func standardise(scope *model.Scope, x *Node, axes []int) *Node {
	scale, offset := scaleAndOffset(scope, x)
	input, dims := ConvertDType(x, masterDType(x)), x.Shape().Dimensions
	centred := Sub(input, spreadOver(meanOver(input, axes), dims, axes))
	inverse := Inverse(Sqrt(AddScalar(meanOver(Square(centred), axes), normEpsilon)))
	normal := Mul(centred, spreadOver(inverse, dims, axes))
	return ConvertDType(Add(Mul(normal, repeated(scale, dims)), repeated(offset, dims)), x.DType())
}

// PixelNorm gives the features of each pixel, the last axis, mean square 1; it has no weights:
//
//	y = x / sqrt(mean(x²) + 1e-8)
//
// Karras et al., "Progressive growing of GANs", 2018, arXiv:1710.10196.
func PixelNorm(x *Node) *Node {
	input := ConvertDType(x, masterDType(x))
	square := ReduceAndKeep(Square(input), ReduceMean, -1)
	return ConvertDType(Div(input, Sqrt(AddScalar(square, 1e-8))), x.DType())
}

// ConditionalBatchNorm is BatchNorm whose scale and offset depend on the class of the sample ("scale" and "offset":
// [classes, features], which start one and zero). The statistics are of the whole batch. x: [batch, …, features];
// labels: [batch] int32.
//
// De Vries et al., "Modulating early visual processing by language", 2017, arXiv:1707.00683.
func ConditionalBatchNorm(scope *model.Scope, x, labels *Node, classes int) *Node {
	requireLabels("ConditionalBatchNorm", x, labels)
	scale, offset := classScaleAndOffset(scope, x, labels, classes)
	return batchNorm(scope, x, scale, offset)
}

// classBatchNorm is ConditionalBatchNorm whose classes start apart, so that a small network can tell them from the first step on: by scales of one
// plus "scale", [classes, features], which starts N(0, 0.5), and by "offset", which starts N(0, 1). From ones and zeros they come apart by Adam's rate a
// step.
func classBatchNorm(scope *model.Scope, x, labels *Node, classes int) *Node {
	oneHot, features := OneHotLabels(labels, classes, masterDType(x)), x.Shape().Dim(-1)
	scale := embedding(WithNormal(scope, 0.5), oneHot, "scale", features)
	return batchNorm(scope, x, AddScalar(scale, 1), embedding(WithNormal(scope, 1), oneHot, "offset", features))
}

// Norm is a choice of normalisation for the hidden layers of a critic.
type Norm int

// The normalisations a critic can have.
const (
	NormNone     Norm = iota // none
	NormBatch                // BatchNorm; not with gradient penalties, which judge single samples
	NormLayer                // LayerNorm, as WGAN-GP's authors recommend
	NormInstance             // InstanceNorm
	NormSpectral             // spectral normalisation of the weights, of the first and last layers too
)

// String names the normalisation, as kept in checkpoints.
func (n Norm) String() string {
	names := []string{"none", "batch", "layer", "instance", "spectral"}
	if n < 0 || int(n) >= len(names) {
		return fmt.Sprintf("Norm(%d)", int(n))
	}
	return names[n]
}

// apply normalises what a layer made of its input; spectral normalisation was in its weights already.
func (n Norm) apply(scope *model.Scope, x *Node) *Node {
	switch n {
	case NormNone, NormSpectral:
		return x
	case NormBatch:
		return BatchNorm(scope, x)
	case NormLayer:
		return LayerNorm(scope, x)
	case NormInstance:
		return InstanceNorm(scope, x)
	}
	panic(fmt.Errorf("unknown %s: use NormNone, NormBatch, NormLayer, NormInstance or NormSpectral", n))
}
