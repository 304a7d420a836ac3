package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// SpectralLinear is Linear with spectrally normalised weights: W is divided by its largest singular value σ, so that the
// layer stretches no direction by more than 1.
//
// σ comes from power iteration. The variable "u": [out], not trained, is kept between calls; each call while training
// improves it once, and other calls leave it:
//
//	v ← W·u / ‖W·u‖    u ← Wᵀ·v / ‖Wᵀ·v‖    σ = vᵀ·W·u
//
// The gradient flows through W in σ, with u and v held constant. A kernel [size, size, in, out] is normalised as the
// matrix [size·size·in, out].
//
// Miyato et al., "Spectral normalization for generative adversarial networks", 2018, arXiv:1802.05957.
func SpectralLinear(scope *model.Scope, x *Node, out int) *Node {
	return addBias(scope, MatMul(x, spectralWeights(scope, x, x.Shape().Dim(-1), out)))
}

// SpectralSameConv2D is SameConv2D with spectrally normalised weights, as in SpectralLinear.
func SpectralSameConv2D(scope *model.Scope, x *Node, out, size int) *Node {
	return addBias(scope, sameConv(x, spectralWeights(scope, x, size, size, x.Shape().Dim(-1), out)))
}

// SpectralDownConv2D is DownConv2D with spectrally normalised weights, as in SpectralLinear.
func SpectralDownConv2D(scope *model.Scope, x *Node, out int) *Node {
	return addBias(scope, downConv(x, spectralWeights(scope, x, 4, 4, x.Shape().Dim(-1), out)))
}

// SpectralDense is SpectralLinear with weights that start Glorot uniform, as those of Dense.
func SpectralDense(scope *model.Scope, x *Node, out int) *Node {
	return SpectralLinear(WithGlorot(scope), x, out)
}

// spectralWeights are weights divided by their largest singular value, in the dtype of x. The last dimension is out.
func spectralWeights(scope *model.Scope, x *Node, dims ...int) *Node {
	out := dims[len(dims)-1]
	weights := variable(scope, x, "weights", dims...).NodeValue(x)
	state := variable(WithNormal(scope, 1), x, "u", out).SetTrainable(false)

	matrix := Reshape(weights, -1, out)
	constant, u := StopGradient(matrix), Reshape(state.NodeValue(x), out, 1)
	v := unit(MatMul(constant, u))
	if scope.IsTraining(x.Graph()) {
		u = unit(MatMul(Transpose(constant, 0, 1), v))
		state.SetNodeValue(StopGradient(Reshape(u, out)))
	} else {
		u = unit(u)
	}
	sigma := ReduceAllSum(Mul(MatMul(matrix, StopGradient(u)), StopGradient(v)))
	return ConvertDType(Div(weights, sigma), x.DType())
}

// unit is x / ‖x‖; a zero vector stays zero.
func unit(x *Node) *Node { return Div(x, Sqrt(AddScalar(ReduceAllSum(Square(x)), 1e-24))) }
