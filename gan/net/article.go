package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// hiddenWidths are the widths of the hidden layers of the article's generator.
func hiddenWidths() []int { return []int{128, 256, 512, 1024} }

// MLPGenerator is the article's generator: 100 → 128 → 256 → 512 → 1024 → 784 → 28×28×1, ReLU between the layers and
// tanh at the end. z: [batch, latent] float32, N(0,1); the result: [batch, 28, 28, 1] in [-1, 1].
func MLPGenerator(scope *model.Scope, z *Node) *Node { return MLP{}.Generator(scope, z) }

// ConvCritic is the article's critic: Conv 64 3×3 ReLU, MaxPool 2, Conv 128 3×3 ReLU, MaxPool 2, Flatten, Dense 1.
// It ends in a logit; the article's sigmoid belongs to the loss. x: [batch, 28, 28, channels] in [-1, 1];
// the result: [batch, 1], unbounded.
func ConvCritic(scope *model.Scope, x *Node) *Node {
	x = MaxPool2(ReLU(Conv2D(scope.In("conv_0"), x, 64, 3)))
	x = MaxPool2(ReLU(Conv2D(scope.In("conv_1"), x, 128, 3)))
	return Dense(scope.In("logit"), Flatten(x), 1)
}

// LeakyConvCritic is ConvCritic with LeakyReLU(0.2). x: [batch, 28, 28, channels]; the result: [batch, 1].
func LeakyConvCritic(scope *model.Scope, x *Node) *Node {
	x = MaxPool2(LeakyReLU(Conv2D(scope.In("conv_0"), x, 64, 3), leak))
	x = MaxPool2(LeakyReLU(Conv2D(scope.In("conv_1"), x, 128, 3), leak))
	return Dense(scope.In("logit"), Flatten(x), 1)
}
