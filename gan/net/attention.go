package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// SelfAttention lets every pixel look at every other: with 1×1 convolutions f and g (to channels/8), h (to channels/8) and
// v (back to channels),
//
//	y_j = x_j + gamma · v(Σ_i softmax_i(f(x_i)·g(x_j)) · h(x_i))
//
// gamma ("gamma": a scalar) starts 0, so the layer starts as the identity. Time and memory grow with the square of the
// number of pixels. x: [batch, height, width, channels]; the result has its shape. The weights start by the scope's
// initializer.
//
// Zhang et al., "Self-attention generative adversarial networks", 2018, arXiv:1805.08318.
func SelfAttention(scope *model.Scope, x *Node) *Node { return selfAttention(scope, x, Linear) }

// SpectralSelfAttention is SelfAttention with spectrally normalised weights, as in SpectralLinear and as its authors use
// it. gamma is not normalised.
func SpectralSelfAttention(scope *model.Scope, x *Node) *Node {
	return selfAttention(scope, x, SpectralLinear)
}

func selfAttention(scope *model.Scope, x *Node, linear func(scope *model.Scope, x *Node, out int) *Node) *Node {
	requireImages("SelfAttention", x)
	s := x.Shape()
	batch, pixels, channels := s.Dim(0), s.Dim(1)*s.Dim(2), s.Dim(3)
	narrow := max(1, channels/8)
	rows := Reshape(x, batch*pixels, channels)
	by := func(name string) *Node {
		return Reshape(linear(scope.In("%s", name), rows, narrow), batch, pixels, narrow)
	}
	f, g, h := by("f"), by("g"), by("h")
	attention := Softmax(Einsum("bjc,bic->bji", g, f), -1)
	seen := Reshape(Einsum("bji,bic->bjc", attention, h), batch*pixels, narrow)
	gamma := parameter(scope.WithInitializer(initializer.Zero), x, "gamma")
	return Add(x, Mul(gamma, Reshape(linear(scope.In("v"), seen, channels), s.Dimensions...)))
}
