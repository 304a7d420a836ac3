// Package net holds the networks of the recipes and the layers they are made of.
//
// A network is a plain GoMLX graph function, func(scope *model.Scope, x *Node) *Node: it creates or finds its weights
// in the scope and returns the output node. A user's own function is as good as one from here. Generators map latents
// [batch, latent] to images [batch, height, width, channels] in [-1, 1]; critics map images to one logit per sample,
// [batch, 1]. Functions of this package build graphs and panic on shapes that do not fit, as GoMLX does; what runs
// them (train.Trainer) turns that into an error.
//
// Every layer can be differentiated twice, so that a gradient penalty works with any critic made of them, on XLA and on
// the Go backend (convolution.go says how). Layers keep their weights in float32 and compute in the dtype of their input,
// so that a network fed bfloat16 computes in bfloat16; fed float64 it is float64 throughout.
//
// Conditional networks take labels, [batch] int32, as a third argument. Pairs that come in sizes are structs whose
// methods are the networks and whose zero fields have documented defaults: [DCGAN], [ResNet], [R3GAN], [Style], [Growing],
// [MLP], [ConditionalMLP], [Encoder], [Toy], [Sequence], [Text]. None is a function literal with variables of its own, which no notebook could keep by name.
//
// Reading order: dense.go and activation.go; imageconv.go and, for layers of one's own, convolution.go, channels.go and adjoint.go; norms.go and
// spectral.go; classes.go; conv1d.go and recurrent.go; then the networks from article.go and mlp.go on, features.go
// (critics that tell their features too), and named.go (all of them by name); augment.go and diffusion.go are what a critic may see images
// through, and rotate.go turns them. cost.go says what is written
// otherwise than one would, for XLA on a CPU.
package net
