package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// ResNet is the residual pair of SNGAN for square images. Its methods are networks, as those of DCGAN.
//
// The generator projects the latent to a small image and doubles it by residual blocks with BatchNorm. The critic halves
// the image to 8 pixels or fewer by residual blocks, then has two that keep its size; every weight in it is spectrally
// normalised, and it sums over the image before its head. Weights start Glorot uniform.
//
// Miyato et al., "Spectral normalization for generative adversarial networks", 2018, arXiv:1802.05957. The conditional
// networks are those of Miyato and Koyama, "cGANs with projection discriminator", 2018, arXiv:1802.05637.
type ResNet struct {
	Size      int  // height and width of the images: 28, 32, 64 or any other that halves evenly down to 4 … 7; default 28
	Width     int  // channels of every block; the paper has 256 for the generator, 128 for the critic; default 64
	Channels  int  // of the images; default 1
	Classes   int  // of the conditional networks; default 10
	Attention bool // attention at half the image's size as in SAGAN (arXiv:1805.08318): SelfAttention, in the critic spectral
}

func (r ResNet) withDefaults() ResNet {
	r.Size, r.Width = orDefault(r.Size, 28), orDefault(r.Width, 64)
	r.Channels, r.Classes = orDefault(r.Channels, 1), orDefault(r.Classes, 10)
	return r
}

// Generator maps latents to images. z: [batch, latent] float32, N(0,1); the result: [batch, Size, Size, Channels] in
// [-1, 1].
func (r ResNet) Generator(scope *model.Scope, z *Node) *Node {
	return r.generate(scope, z, BatchNorm)
}

// ConditionalGenerator is Generator with ConditionalBatchNorm in its blocks. z: [batch, latent] float32, N(0,1);
// labels: [batch] int32.
func (r ResNet) ConditionalGenerator(scope *model.Scope, z, labels *Node) *Node {
	requireLabels("ResNet's generator", z, labels)
	return r.generate(scope, z, func(scope *model.Scope, x *Node) *Node {
		return ConditionalBatchNorm(scope, x, labels, r.withDefaults().Classes)
	})
}

func (r ResNet) generate(scope *model.Scope, z *Node, norm func(*model.Scope, *Node) *Node) *Node {
	r, scope = r.withDefaults(), WithGlorot(scope)
	times, side := halvings(r.Size)
	x := Reshape(Linear(scope.In("project"), z, side*side*r.Width), -1, side, side, r.Width)
	for layer := range times {
		if r.Attention && layer == times-1 {
			x = SelfAttention(scope.In("attention"), x)
		}
		x = Residual{Norm: norm}.Up(scope.In("up_%d", layer), x, r.Width)
	}
	x = ReLU(BatchNorm(scope.In("norm"), x))
	return Tanh(SameConv2D(scope.In("output"), x, r.Channels, 3))
}

// Critic judges images. x: [batch, Size, Size, any channels] in [-1, 1]; the result: [batch, 1], unbounded.
func (r ResNet) Critic(scope *model.Scope, x *Node) *Node {
	r, scope = r.withDefaults(), WithGlorot(scope)
	return SpectralLinear(scope.In("logit"), r.features(scope, x), 1)
}

// ConditionalCritic is Critic with the head of SpectralProjection. x: [batch, Size, Size, channels]; labels: [batch]
// int32; the result: [batch, 1].
func (r ResNet) ConditionalCritic(scope *model.Scope, x, labels *Node) *Node {
	r, scope = r.withDefaults(), WithGlorot(scope)
	return SpectralProjection(scope.In("logit"), r.features(scope, x), labels, r.Classes)
}

// features are the critic's layers below its head, [batch, Width].
func (r ResNet) features(scope *model.Scope, x *Node) *Node {
	requireSize("ResNet's critic", x, r.Size)
	block := Residual{Spectral: true}
	x = block.First(scope.In("first"), x, r.Width)
	if r.Attention {
		x = SpectralSelfAttention(scope.In("attention"), x)
	}
	for layer := 0; x.Shape().Dim(1) > leastSide; layer++ {
		x = block.Down(scope.In("down_%d", layer), x, r.Width)
	}
	for layer := range 2 {
		x = block.Same(scope.In("same_%d", layer), x, r.Width)
	}
	return GlobalSum(ReLU(x))
}
