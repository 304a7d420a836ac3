package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// leak is the slope of LeakyReLU in the stable networks (Radford et al., 2015, arXiv:1511.06434).
const leak = 0.2

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

// LeakyConvCritic is ConvCritic with LeakyReLU(0.2) instead of ReLU, so that every unit answers the generator with some
// gradient, and a border of two background pixels (-1) around the image, without which the convolutions hardly see its
// edge and the generator leaves noise there. x: [batch, 28, 28, channels] in [-1, 1]; the result: [batch, 1], unbounded.
func LeakyConvCritic(scope *model.Scope, x *Node) *Node {
	x = Border(x, 2, -1)
	x = LeakyReLU(MaxPool2(Conv2D(scope.In("conv_0"), x, 64, 3)), leak)
	x = LeakyReLU(MaxPool2(Conv2D(scope.In("conv_1"), x, 128, 3)), leak)
	return Dense(scope.In("logit"), Flatten(x), 1)
}
