package net

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// unetWidth is the number of channels of the U-Net at the image's full size.
const unetWidth = 32

// UNet is a small network from images to images of the same size: two halvings (32, 64, 128 channels), two doublings, and
// between each size's two halves a bridge that carries the details across. BatchNorm and LeakyReLU(0.2) follow each layer
// but the first and the last. x: [batch, height, width, channels], height and width multiples of 4; the result:
// [batch, height, width, outChannels] in [-1, 1]. Weights start by the scope's initializer.
//
// Ronneberger, Fischer and Brox, "U-Net", 2015, arXiv:1505.04597; as a generator, Isola et al., "Image-to-image
// translation with conditional adversarial networks", 2017, arXiv:1611.07004.
func UNet(scope *model.Scope, x *Node, outChannels int) *Node {
	requireImages("UNet", x)
	if x.Shape().Dim(1)%4 != 0 || x.Shape().Dim(2)%4 != 0 {
		panic(fmt.Errorf("UNet halves images twice: their height and width must be multiples of 4, not %s", x.Shape()))
	}
	down := func(layer int, x *Node, out int) *Node {
		x = downConv(x, weights(scope.In("down_%d", layer), x, 4, 4, x.Shape().Dim(3), out))
		return LeakyReLU(BatchNorm(scope.In("down_norm_%d", layer), x), leak)
	}
	up := func(layer int, x *Node, out int) *Node {
		x = upConv(scope.In("up_%d", layer), x, out)
		return LeakyReLU(BatchNorm(scope.In("up_norm_%d", layer), x), leak)
	}
	full := LeakyReLU(SameConv2D(scope.In("input"), x, unetWidth, 3), leak)
	half := down(0, full, 2*unetWidth)
	quarter := down(1, half, 4*unetWidth)
	x = Concatenate([]*Node{half, up(0, quarter, 2*unetWidth)}, -1)
	x = Concatenate([]*Node{full, up(1, x, unetWidth)}, -1)
	return Tanh(SameConv2D(scope.In("output"), x, outChannels, 3))
}

// Restorer makes clean images of damaged ones, noisy or with parts missing: UNet with as many channels as its input.
// x: [batch, height, width, channels] in [-1, 1]; the result has its shape.
func Restorer(scope *model.Scope, x *Node) *Node { return UNet(scope, x, x.Shape().Dim(-1)) }

// SuperResolver makes images of twice the height and width: Upsample2, then UNet. x: [batch, height, width, channels] in
// [-1, 1], height and width even; the result: [batch, 2·height, 2·width, channels] in [-1, 1].
func SuperResolver(scope *model.Scope, x *Node) *Node {
	requireEven("SuperResolver", x)
	return UNet(scope, Upsample2(x), x.Shape().Dim(-1))
}
