package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// MLP is the generators of dense layers for images of any size. Its methods are networks: a recipe takes
// net.MLP{Height: 32, Width: 48, Channels: 3}.NormGenerator. The zero value is for MNIST.
type MLP struct {
	Height, Width int // of the images; default 28
	Channels      int // of the images; default 1
}

func (m MLP) withDefaults() MLP {
	return MLP{orDefault(m.Height, 28), orDefault(m.Width, 28), orDefault(m.Channels, 1)}
}

// Generator has the hidden layers of MLPGenerator. z: [batch, latent] float32, N(0,1); the result: [batch, Height, Width,
// Channels] in [-1, 1].
func (m MLP) Generator(scope *model.Scope, z *Node) *Node {
	x := z
	for layer, width := range hiddenWidths() {
		x = ReLU(Dense(scope.In("dense_%d", layer), x, width))
	}
	return m.output(scope, x)
}

// NormGenerator has the hidden layers of NormMLPGenerator. z: [batch, latent] float32, N(0,1); the result: [batch, Height, Width,
// Channels] in [-1, 1].
func (m MLP) NormGenerator(scope *model.Scope, z *Node) *Node {
	x := z
	for layer, width := range hiddenWidths() {
		x = Dense(scope.In("dense_%d", layer), x, width)
		x = LeakyReLU(BatchNorm(scope.In("norm_%d", layer), x), leak)
	}
	return m.output(scope, x)
}

// output is the last layer.
func (m MLP) output(scope *model.Scope, x *Node) *Node {
	m = m.withDefaults()
	return Reshape(Tanh(Dense(scope.In("output"), x, m.Height*m.Width*m.Channels)), -1, m.Height, m.Width, m.Channels)
}

// NormMLPGenerator has the widths of MLPGenerator, with batch normalisation and LeakyReLU(0.2) in the hidden layers:
// normalised layers cannot all saturate to one image. z: [batch, latent] float32, N(0,1);
// the result: [batch, 28, 28, 1] in [-1, 1].
func NormMLPGenerator(scope *model.Scope, z *Node) *Node { return MLP{}.NormGenerator(scope, z) }

// MLPCritic judges an image, or a pack of them, as one row of pixels: Dense 512 → 256 with LeakyReLU(0.2), Dense 1.
// It sees every pixel with the same care, the corners too, and its gradient reaches all of them; there is no batch
// normalisation, which would hide from it how the fakes differ on average.
// x: [batch, height, width, channels] in [-1, 1]; the result: [batch, 1], unbounded.
func MLPCritic(scope *model.Scope, x *Node) *Node {
	return Dense(scope.In("logit"), mlpFeatures(scope, x), 1)
}

// mlpFeatures are MLPCritic's layers below its head, [batch, 256].
func mlpFeatures(scope *model.Scope, x *Node) *Node {
	x = LeakyReLU(Dense(scope.In("dense_0"), Flatten(x), 512), leak)
	return LeakyReLU(Dense(scope.In("dense_1"), x, 256), leak)
}
