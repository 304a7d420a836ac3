package net

import (
	"math"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// R3GAN is a pair like that of Huang et al., "The GAN is dead; long live the GAN! A modern baseline GAN", 2024, arXiv:2501.05441:
// residual blocks without any normalisation, the same in both networks. Instead, blocks begin as nothing: the last convolution of
// each starts zero (fix-up initialisation: Zhang et al., 2019, arXiv:1901.09321), and the others N(0, 2/inputs) divided by the fourth root
// of the number of blocks. A block is 1×1 up to twice the channels, LeakyReLU, 3×3, LeakyReLU, 1×1 down. The loss that goes with it is
// loss.Paired with loss.R1 and loss.R2.
//
// What is smaller than in the paper: 3×3 convolutions aren't grouped, images are doubled by repeating pixels and halved by averaging, and
// there is one block per resolution.
type R3GAN struct {
	Size     int // height and width of the images: 28, 32, 64 or any other that halves evenly down to 4 … 7; default 28
	Width    int // channels at each resolution; default 32
	Channels int // of the images; default 1
}

func (r R3GAN) withDefaults() R3GAN {
	r.Size, r.Width, r.Channels = orDefault(r.Size, 28), orDefault(r.Width, 32), orDefault(r.Channels, 1)
	return r
}

// Generator maps latents to images. z: [batch, latent] float32, N(0,1); the result: [batch, Size, Size, Channels], in [-1, 1].
func (r R3GAN) Generator(scope *model.Scope, z *Node) *Node {
	r, scope = r.withDefaults(), WithHe(scope)
	times, side := halvings(r.Size)
	x := Reshape(Linear(scope.In("project"), z, side*side*r.Width), -1, side, side, r.Width)
	for stage := range times + 1 {
		if stage > 0 {
			x = Upsample2(x)
		}
		x = r.block(scope.In("block_%d", stage), x)
	}
	return Tanh(SameConv2D(scope.In("output"), LeakyReLU(x, leak), r.Channels, 1))
}

// Critic judges images. x: [batch, Size, Size, any channels] in [-1, 1]; the result: [batch, 1], unbounded.
func (r R3GAN) Critic(scope *model.Scope, x *Node) *Node {
	r, scope = r.withDefaults(), WithHe(scope)
	requireSize("R3GAN's critic", x, r.Size)
	times, _ := halvings(r.Size)
	x = SameConv2D(scope.In("input"), x, r.Width, 1)
	for stage := times; stage >= 0; stage-- {
		x = r.block(scope.In("block_%d", stage), x)
		if stage > 0 {
			x = AveragePool2(x)
		}
	}
	return Linear(scope.In("logit"), Flatten(LeakyReLU(x, leak)), 1)
}

// block adds to x what its three convolutions make of it.
func (r R3GAN) block(scope *model.Scope, x *Node) *Node {
	times, _ := halvings(r.Size)
	h := x
	for layer, size := range []int{1, 3} {
		of := scope.In("conv_%d", layer)
		h = sameConv(h, weights(r.start(of, times+1), h, size, size, h.Shape().Dim(3), 2*r.Width))
		h = LeakyReLU(addBias(of, h), leak)
	}
	return Add(x, SameConv2D(scope.In("conv_2").WithInitializer(initializer.Zero), h, r.Width, 1))
}

// start are weights N(0, 2/inputs) / blocks^(1/4).
func (r R3GAN) start(scope *model.Scope, blocks int) *model.Scope {
	he := initializer.HeFn(scope)
	return scope.WithInitializer(func(g *Graph, shape shapes.Shape) *Node {
		return MulScalar(he(g, shape), math.Pow(float64(blocks), -0.25))
	})
}
