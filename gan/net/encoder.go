package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// Encoder maps images to vectors by dense layers of 512 and 256, with BatchNorm and LeakyReLU(0.2): the way back of NormMLPGenerator. Its
// methods are networks.
type Encoder struct {
	Outputs int // default 64
}

// MLP encodes images. x: [batch, height, width, channels]; the result: [batch, Outputs], unbounded.
func (e Encoder) MLP(scope *model.Scope, x *Node) *Node {
	x = Flatten(x)
	for layer, width := range []int{512, 256} {
		x = Dense(scope.In("dense_%d", layer), x, width)
		x = LeakyReLU(BatchNorm(scope.In("norm_%d", layer), x), leak)
	}
	return Dense(scope.In("output"), x, orDefault(e.Outputs, 64))
}

// JointCritic judges an image together with its latent: dense layers of 512 and 512 with LeakyReLU(0.2) on the pixels and the latent side by side. x:
// [batch, height, width, channels]; z: [batch, latent]; the result: [batch, 1], unbounded.
func JointCritic(scope *model.Scope, x, z *Node) *Node {
	h := Concatenate([]*Node{Flatten(x), z}, -1)
	for layer := range 2 {
		h = LeakyReLU(Dense(scope.In("dense_%d", layer), h, 512), leak)
	}
	return Dense(scope.In("logit"), h, 1)
}

// MLPAutoencoder restores images through a code of 32 numbers: dense layers of 256 with LeakyReLU(0.2) on both sides of it. It is a critic of
// BEGAN. Its first layer sees black as 0: with black at -1, what it restores would contain each image faded to grey, which is an image
// that a generator finds sooner than any digit. x: [batch, height, width, channels] in [-1, 1]; the result has the same shape and range.
func MLPAutoencoder(scope *model.Scope, x *Node) *Node {
	d := x.Shape().Dimensions
	h := LeakyReLU(Dense(scope.In("encode"), AddScalar(Flatten(x), 1), 256), leak)
	h = Dense(scope.In("code"), h, 32)
	h = LeakyReLU(Dense(scope.In("decode"), h, 256), leak)
	return Reshape(Tanh(Dense(scope.In("output"), h, d[1]*d[2]*d[3])), d...)
}

// Translator makes images of images of the same size, by three 3×3 convolutions of 16 channels with ReLU whose result is added to the image
// before tanh: as it begins, it changes little. x: [batch, height, width, channels] in [-1, 1]; the result has the same shape, in [-1, 1].
func Translator(scope *model.Scope, x *Node) *Node {
	scope = WithHe(scope)
	h := x
	for layer := range 2 {
		h = ReLU(SameConv2D(scope.In("conv_%d", layer), h, 16, 3))
	}
	h = SameConv2D(scope.In("output"), h, x.Shape().Dim(3), 3)
	return Tanh(Add(MulScalar(x, 2), h))
}
