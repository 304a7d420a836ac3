// Package net holds the networks of the recipes and the layers they are made of.
//
// A network is a plain GoMLX graph function, func(scope *model.Scope, x *Node) *Node: it creates or finds its weights
// in the scope and returns the output node. A user's own function is as good as one from here. Generators map latents
// [batch, latent] to images [batch, height, width, channels] in [-1, 1]; critics map images to one logit per sample,
// [batch, 1]. Functions of this package build graphs and panic on shapes that do not fit, as GoMLX does; what runs
// them (gan.Trainer) turns that into an error.
//
// Every layer can be differentiated twice, so that a gradient penalty works with any critic made of them, on XLA and on
// the Go backend (convolution.go says how). Layers keep their weights in float32 and compute in the dtype of their input,
// so that a network fed bfloat16 computes in bfloat16; fed float64 it is float64 throughout.
//
// Conditional networks take labels, [batch] int32, as a third argument. Pairs that come in sizes are structs whose
// methods are the networks and whose zero fields have documented defaults: [DCGAN], [ResNet], [ConditionalMLP], [Toy],
// [Sequence], [Text]. None is a function literal with variables of its own, which no notebook could keep by name.
//
// Reading order: layers.go and imageconv.go, norms.go and spectral.go, classes.go, then the networks from article.go on.
package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// hiddenWidths are the widths of the hidden layers of the article's generator.
func hiddenWidths() []int { return []int{128, 256, 512, 1024} }

// MLPGenerator is the article's generator: 100 → 128 → 256 → 512 → 1024 → 784 → 28×28×1, ReLU between the layers and
// tanh at the end. z: [batch, latent] float32, N(0,1); the result: [batch, 28, 28, 1] in [-1, 1].
func MLPGenerator(scope *model.Scope, z *Node) *Node {
	x := z
	for layer, width := range hiddenWidths() {
		x = ReLU(Dense(scope.In("dense_%d", layer), x, width))
	}
	return Reshape(Tanh(Dense(scope.In("output"), x, 28*28)), -1, 28, 28, 1)
}

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
