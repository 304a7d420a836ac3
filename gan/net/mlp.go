package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// NormMLPGenerator has the widths of MLPGenerator, with batch normalisation and LeakyReLU(0.2) in the hidden layers:
// normalised layers cannot all saturate to one image. z: [batch, latent] float32, N(0,1);
// the result: [batch, 28, 28, 1] in [-1, 1].
func NormMLPGenerator(scope *model.Scope, z *Node) *Node {
	x := z
	for layer, width := range hiddenWidths() {
		x = Dense(scope.In("dense_%d", layer), x, width)
		x = LeakyReLU(BatchNorm(scope.In("norm_%d", layer), x), leak)
	}
	return Reshape(Tanh(Dense(scope.In("output"), x, 28*28)), -1, 28, 28, 1)
}

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
