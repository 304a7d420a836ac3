package net

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// Growing is a pair that grows: it begins with small images and fades larger ones in (Karras et al., "Progressive growing of GANs for
// improved quality, stability, and variation", 2017, arXiv:1710.10196). All resolutions are in one graph, whose shapes never change:
// the image has Size pixels from the first step on, and a small one is repeated. How far each resolution counts says a variable of
// both networks, "shares": [Stages], which method.Growing moves: 1 and zeros at first, then a half of the first two, and in the end zeros
// and 1. A pair that nobody grows has equal shares.
//
// The generator's image is the sum of the shares times the images of each resolution, which is the paper's (1-α)·low + α·high. The
// critic takes the image in at each resolution and lets it meet what comes from above in the same way. As in the paper, latents are
// normalised and the generator's pixels too (PixelNorm), features are doubled by repeating and halved by averaging, and the critic sees how
// much its batch varies (MinibatchStdDev). Weights start N(0, 2/inputs).
type Growing struct {
	Size     int // height and width of the images, which halve evenly down to 4 … 7; default 28
	Width    int // channels at full size, doubled with each halving of it; default 16
	Channels int // of the images; default 1
}

func (n Growing) withDefaults() Growing {
	n.Size, n.Width, n.Channels = orDefault(n.Size, 28), orDefault(n.Width, 16), orDefault(n.Channels, 1)
	return n
}

// Stages is how many resolutions there are, from 4 … 7 pixels on.
func (n Growing) Stages() int {
	times, _ := halvings(n.withDefaults().Size)
	return times + 1
}

// width is the number of channels at a stage, from 0 for the smallest image.
func (n Growing) width(stage int) int { return n.Width << (n.Stages() - 1 - stage) }

// Generator maps latents to images. z: [batch, latent] float32, N(0,1); the result: [batch, Size, Size, Channels] in [-1, 1].
func (n Growing) Generator(scope *model.Scope, z *Node) *Node {
	n, scope = n.withDefaults(), WithHe(scope)
	shares := SharesOf(scope, z, n.Stages()).NodeValue(z)
	_, side := halvings(n.Size)
	x := Reshape(Linear(scope.In("project"), PixelNorm(z), side*side*n.width(0)), -1, side, side, n.width(0))
	var image *Node
	for stage := range n.Stages() {
		if stage > 0 {
			x = Upsample2(x)
			x = PixelNorm(LeakyReLU(SameConv2D(scope.In("conv_%d", stage), x, n.width(stage), 3), leak))
			image = Upsample2(image)
		} else {
			x = PixelNorm(LeakyReLU(x, leak))
		}
		part := Mul(SameConv2D(scope.In("to_image_%d", stage), x, n.Channels, 1), share(shares, stage, x))
		if image == nil {
			image = part
		} else {
			image = Add(image, part)
		}
	}
	return Tanh(image)
}

// Critic judges images. x: [batch, Size, Size, any channels] in [-1, 1]; the result: [batch, 1], unbounded.
func (n Growing) Critic(scope *model.Scope, x *Node) *Node {
	n, scope = n.withDefaults(), WithHe(scope)
	requireSize("Growing's critic", x, n.Size)
	shares := SharesOf(scope, x, n.Stages()).NodeValue(x)
	var features, above *Node // what comes from above, and how much of the image does
	for stage := n.Stages() - 1; stage >= 0; stage-- {
		taken := LeakyReLU(SameConv2D(scope.In("from_image_%d", stage), x, n.width(stage), 1), leak)
		own := share(shares, stage, x)
		if features == nil {
			features, above = taken, own
		} else {
			sum := Add(above, own)
			part := Div(above, MaxScalar(sum, 1e-6)) // where neither has a share, nothing here counts
			features = Add(Mul(features, part), Mul(taken, OneMinus(part)))
			above = sum
		}
		if stage > 0 {
			features = LeakyReLU(SameConv2D(scope.In("conv_%d", stage), features, n.width(stage-1), 3), leak)
			features, x = AveragePool2(features), AveragePool2(x)
		}
	}
	features = LeakyReLU(SameConv2D(scope.In("conv_0"), MinibatchStdDev(features, 0), n.width(0), 3), leak)
	return Linear(scope.In("logit"), Flatten(features), 1)
}

// SharesOf is the variable that says how far each resolution of a network that grows counts, [stages] of sum 1. It is not trained.
func SharesOf(scope *model.Scope, x *Node, stages int) *model.Variable {
	return scope.WithInitializer(func(g *Graph, shape shapes.Shape) *Node {
		return AddScalar(Zeros(g, shape), 1/float64(stages))
	}).VariableWithShape("shares", shapes.Make(dtypes.Float32, stages)).SetTrainable(false)
}

// share is one of the shares, a scalar.
func share(shares *Node, stage int, x *Node) *Node {
	return ConvertDType(Squeeze(Slice(shares, AxisElem(stage))), x.DType())
}
