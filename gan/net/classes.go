package net

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// OneHotLabels are labels as rows of zeros with a one in the place of the class, [batch, classes] of dtype. labels:
// [batch] int32; a label outside [0, classes) becomes a row of zeros.
func OneHotLabels(labels *Node, classes int, dtype dtypes.DType) *Node {
	return OneHot(labels, classes, dtype)
}

// Embedding is a learned vector per class ("embedding": [classes, dim]), which starts N(0,1) as in PyTorch.
// labels: [batch] int32; the result: [batch, dim] float32. A label outside [0, classes) gives zeros.
func Embedding(scope *model.Scope, labels *Node, classes, dim int) *Node {
	return classVector(scope, labels, classes, dim, dtypes.Float32)
}

// classVector is Embedding in dtype.
func classVector(scope *model.Scope, labels *Node, classes, dim int, dtype dtypes.DType) *Node {
	return embedding(WithNormal(scope, 1), OneHotLabels(labels, classes, dtype), "embedding", dim)
}

// embedding looks up rows of a table. It multiplies by one-hot rows: for the class counts of GANs that is as fast as a
// gather, and its gradient is another product instead of a scatter.
func embedding(scope *model.Scope, oneHot *Node, name string, dim int) *Node {
	return MatMul(oneHot, parameter(scope, oneHot, name, oneHot.Shape().Dim(1), dim))
}

// classScaleAndOffset are the learned scale and offset of each sample's class, [batch, features] each in masterDType(x),
// which start one and zero.
func classScaleAndOffset(scope *model.Scope, x, labels *Node, classes int) (scale, offset *Node) {
	oneHot, features := OneHotLabels(labels, classes, masterDType(x)), x.Shape().Dim(-1)
	scale = embedding(scope.WithInitializer(initializer.One), oneHot, "scale", features)
	offset = embedding(scope.WithInitializer(initializer.Zero), oneHot, "offset", features)
	return scale, offset
}

// ConcatVector appends a vector to the features of each sample: of a latent or of a row of features, and of an image to
// every pixel, as maps that are constant over the image. x: [batch, features] or [batch, height, width, channels];
// vector: [batch, dim]; the result has dim features more.
//
// With a class's embedding or one-hot row as the vector it makes a network conditional: Mirza and Osindero,
// "Conditional generative adversarial nets", 2014, arXiv:1411.1784.
func ConcatVector(x, vector *Node) *Node {
	vector = ConvertDType(vector, x.DType())
	if x.Rank() == 4 {
		s := x.Shape()
		vector = BroadcastToDims(overFeatures(vector, x), s.Dim(0), s.Dim(1), s.Dim(2), vector.Shape().Dim(1))
	}
	return Concatenate([]*Node{x, vector}, -1)
}

// Projection is the head of a projection critic: a logit plus the product of the features with a vector learned for the
// class ("projection": [classes, features], which starts N(0,1)/√features):
//
//	y = w·h + b + ⟨projection[label], h⟩
//
// features: [batch, n]; labels: [batch] int32; the result: [batch, 1].
//
// Miyato and Koyama, "cGANs with projection discriminator", 2018, arXiv:1802.05637.
func Projection(scope *model.Scope, features, labels *Node, classes int) *Node {
	requireLabels("Projection", features, labels)
	table := parameter(projectionStart(scope, features), features, "projection", classes, features.Shape().Dim(1))
	return Add(Linear(scope, features, 1), project(features, labels, table))
}

// SpectralProjection is Projection with spectrally normalised weights and class vectors, as its authors use it. The power
// iterations' states are the variables "u", in the scope "projection" for the class vectors.
func SpectralProjection(scope *model.Scope, features, labels *Node, classes int) *Node {
	requireLabels("SpectralProjection", features, labels)
	table := spectralWeights(projectionStart(scope.In("projection"), features), features, classes, features.Shape().Dim(1))
	return Add(SpectralLinear(scope, features, 1), project(features, labels, table))
}

// project is the product of each sample's features with the row of the table for its class, [batch, 1].
func project(features, labels, table *Node) *Node {
	rows := MatMul(OneHotLabels(labels, table.Shape().Dim(0), features.DType()), table)
	return ReduceAndKeep(Mul(features, rows), ReduceSum, 1)
}

// AuxiliaryHead is the head of an AC-GAN critic, [batch, 1+classes]: column 0 is the logit of being real, the others are
// logits of the classes. features: [batch, n]. The weights start by the scope's initializer.
//
// Odena, Olah and Shlens, "Conditional image synthesis with auxiliary classifier GANs", 2017, arXiv:1610.09585.
func AuxiliaryHead(scope *model.Scope, features *Node, classes int) *Node {
	return Linear(scope, features, 1+classes)
}

// projectionStart starts class vectors so that their products with features have the features' own scale.
func projectionStart(scope *model.Scope, features *Node) *model.Scope {
	return WithNormal(scope, 1/math.Sqrt(float64(features.Shape().Dim(1))))
}
