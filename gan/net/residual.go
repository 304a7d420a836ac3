package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// Residual makes residual blocks, x + f(x), where f is norm, ReLU, 3×3 convolution, norm, ReLU, 3×3 convolution. Where a
// block changes the number of channels, a 1×1 convolution carries x over. Weights start by the scope's initializer.
//
// These are the blocks of Gulrajani et al., 2017, arXiv:1704.00028, and of Miyato et al., 2018, arXiv:1802.05957.
type Residual struct {
	Norm     func(scope *model.Scope, x *Node) *Node // such as BatchNorm; nil for none
	Spectral bool                                    // normalise the convolutions' weights spectrally
}

// Up doubles the size of the image: nearest neighbours, before the first convolution. x: [batch, height, width, in];
// the result: [batch, 2·height, 2·width, out].
func (r Residual) Up(scope *model.Scope, x *Node, out int) *Node {
	h := r.conv(scope.In("conv_0"), Upsample2(r.activate(scope.In("norm_0"), x)), out, 3)
	h = r.conv(scope.In("conv_1"), r.activate(scope.In("norm_1"), h), out, 3)
	// A 1×1 convolution after repeating pixels is the same as before, at four times the cost.
	return Add(h, Upsample2(r.shortcut(scope, x, out)))
}

// Down halves the size of the image: the mean of 2×2 pixels, after the second convolution. x: [batch, height, width, in],
// height and width even; the result: [batch, height/2, width/2, out].
func (r Residual) Down(scope *model.Scope, x *Node, out int) *Node {
	h := r.conv(scope.In("conv_0"), r.activate(scope.In("norm_0"), x), out, 3)
	h = AveragePool2(r.conv(scope.In("conv_1"), r.activate(scope.In("norm_1"), h), out, 3))
	return Add(h, r.shortcut(scope, AveragePool2(x), out))
}

// First is Down for the image itself, to which no norm or ReLU is applied.
func (r Residual) First(scope *model.Scope, x *Node, out int) *Node {
	h := r.conv(scope.In("conv_0"), x, out, 3)
	h = AveragePool2(r.conv(scope.In("conv_1"), r.activate(scope.In("norm_1"), h), out, 3))
	return Add(h, r.shortcut(scope, AveragePool2(x), out))
}

// Same keeps the size of the image. x: [batch, height, width, in]; the result: [batch, height, width, out].
func (r Residual) Same(scope *model.Scope, x *Node, out int) *Node {
	h := r.conv(scope.In("conv_0"), r.activate(scope.In("norm_0"), x), out, 3)
	h = r.conv(scope.In("conv_1"), r.activate(scope.In("norm_1"), h), out, 3)
	return Add(h, r.shortcut(scope, x, out))
}

func (r Residual) activate(scope *model.Scope, x *Node) *Node {
	if r.Norm != nil {
		x = r.Norm(scope, x)
	}
	return ReLU(x)
}

func (r Residual) conv(scope *model.Scope, x *Node, out, size int) *Node {
	if r.Spectral {
		return SpectralSameConv2D(scope, x, out, size)
	}
	return SameConv2D(scope, x, out, size)
}

func (r Residual) shortcut(scope *model.Scope, x *Node, out int) *Node {
	if x.Shape().Dim(-1) == out {
		return x
	}
	return r.conv(scope.In("shortcut"), x, out, 1)
}
