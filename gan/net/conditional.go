package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// classFeatures is how long the class's vector is where a network takes it beside its input.
const classFeatures = 32

// ConditionalMLP is the pair NormMLPGenerator and MLPCritic, told the class: a learned vector of 32 features per class is
// appended to the latent, and to the pixels (Mirza and Osindero, 2014, arXiv:1411.1784).
type ConditionalMLP struct {
	Classes int // default 10
}

// Generator maps latents and classes to images. z: [batch, latent] float32, N(0,1); labels: [batch] int32; the result:
// [batch, 28, 28, 1] in [-1, 1].
func (c ConditionalMLP) Generator(scope *model.Scope, z, labels *Node) *Node {
	requireLabels("ConditionalMLP's generator", z, labels)
	vector := classVector(scope.In("classes"), labels, orDefault(c.Classes, 10), classFeatures, z.DType())
	return NormMLPGenerator(scope, ConcatVector(z, vector))
}

// Critic judges whether images are real images of their classes. x: [batch, height, width, channels] in [-1, 1];
// labels: [batch] int32; the result: [batch, 1], unbounded.
func (c ConditionalMLP) Critic(scope *model.Scope, x, labels *Node) *Node {
	requireLabels("ConditionalMLP's critic", x, labels)
	vector := classVector(scope.In("classes"), labels, orDefault(c.Classes, 10), classFeatures, x.DType())
	return MLPCritic(scope, ConcatVector(Flatten(x), vector))
}

// ConditionalGenerator is Generator told the class, by batch norms whose scales and offsets are the class's, as in ConditionalBatchNorm, and
// start apart: 1 + N(0, 0.5) and N(0, 1). z: [batch, latent] float32, N(0,1); labels: [batch] int32.
//
// A vector of the class appended to the latent, as in Mirza and Osindero's networks, does not do here: what it adds to a feature grows in
// training, BatchNorm divides by the whole, and what the latent adds fades, until each class has one image after a hundred steps.
func (d DCGAN) ConditionalGenerator(scope *model.Scope, z, labels *Node) *Node {
	requireLabels("DCGAN's generator", z, labels)
	return d.generate(scope, z, func(scope *model.Scope, x *Node) *Node {
		return classBatchNorm(scope, x, labels, d.withDefaults().Classes)
	})
}

// ConditionalCritic is Critic told the class, by a learned map that is appended to the image as one more channel.
// x: [batch, Size, Size, channels]; labels: [batch] int32; the result: [batch, 1].
func (d DCGAN) ConditionalCritic(scope *model.Scope, x, labels *Node) *Node {
	requireImages("DCGAN's critic", x)
	requireLabels("DCGAN's critic", x, labels)
	height, width := x.Shape().Dim(1), x.Shape().Dim(2)
	plane := classVector(scope.In("classes"), labels, d.withDefaults().Classes, height*width, x.DType())
	return d.Critic(scope, Concatenate([]*Node{x, Reshape(plane, -1, height, width, 1)}, -1))
}

// ProjectionCritic is Critic with the head of Projection, or of SpectralProjection where Norm is NormSpectral.
// x: [batch, Size, Size, channels]; labels: [batch] int32; the result: [batch, 1].
func (d DCGAN) ProjectionCritic(scope *model.Scope, x, labels *Node) *Node {
	d, scope = d.withDefaults(), WithNormal(scope, 0.02)
	features := d.features(scope, x)
	if d.Norm == NormSpectral {
		return SpectralProjection(scope.In("logit"), features, labels, d.Classes)
	}
	return Projection(scope.In("logit"), features, labels, d.Classes)
}

// AuxiliaryCritic is Critic with the head of AuxiliaryHead: it judges the image and guesses its class.
// x: [batch, Size, Size, channels]; the result: [batch, 1+Classes].
func (d DCGAN) AuxiliaryCritic(scope *model.Scope, x *Node) *Node {
	d, scope = d.withDefaults(), WithNormal(scope, 0.02)
	features := d.features(scope, x)
	if d.Norm == NormSpectral {
		return SpectralLinear(scope.In("logit"), features, 1+d.Classes)
	}
	return AuxiliaryHead(scope.In("logit"), features, d.Classes)
}
