package net

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// DCGAN is a pair of convolutional networks for square images. Its methods are networks: a recipe takes
// net.DCGAN{}.Generator and net.DCGAN{}.Critic. The zero value is the pair for MNIST.
//
// The generator projects the latent to a small image (7×7 or 4×4), and doubles it by UpConv2D with half the channels each
// time, BatchNorm and ReLU between, tanh at the end. The critic halves the image by DownConv2D with twice the channels
// each time, LeakyReLU(0.2) between, and ends in one layer to the logit. Weights start N(0, 0.02²).
//
// Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
// networks", 2015, arXiv:1511.06434. Its critic has NormBatch; the default here is none, which is faster and lets
// gradient penalties work.
type DCGAN struct {
	Size     int  // height and width of the images: 28, 32, 64 or any other that halves evenly down to 4 … 7; default 28
	Width    int  // channels beside the images, doubled with each halving of the size; default 64
	Channels int  // of the images; default 1
	Norm     Norm // of the critic's layers, the first one excepted; default NormNone
	Classes  int  // of the conditional networks; default 10

	PixelNorm bool // the generators have PixelNorm in the place of BatchNorm
	Diversity int  // the critic sees MinibatchStdDev of groups of so many samples before its head; default 0, none
}

// leastSide is the size at which halving ends: no further than to half of this.
const leastSide = 8

func (d DCGAN) withDefaults() DCGAN {
	d.Size, d.Width = orDefault(d.Size, 28), orDefault(d.Width, 64)
	d.Channels, d.Classes = orDefault(d.Channels, 1), orDefault(d.Classes, 10)
	return d
}

// orDefault is value, or standard where value is zero.
func orDefault(value, standard int) int {
	if value == 0 {
		return standard
	}
	return value
}

// Halvable returns an error unless images of that size can be halved evenly down to 4 … 7 pixels, as the convolutional networks
// do with them.
func Halvable(height, width int) error {
	side := height
	for side >= leastSide && side%2 == 0 {
		side /= 2
	}
	if height != width || side == height || side < leastSide/2 || side >= leastSide {
		return fmt.Errorf("images of %d×%d cannot be halved evenly down to 4 … 7 pixels: use 28, 32 or 64", height, width)
	}
	return nil
}

// halvings returns how often size can be halved until it is below leastSide, and what is left.
func halvings(size int) (times, side int) {
	if err := Halvable(size, size); err != nil {
		panic(err)
	}
	for side = size; side >= leastSide; side /= 2 {
		times++
	}
	return times, side
}

// Generator maps latents to images. z: [batch, latent] float32, N(0,1); the result: [batch, Size, Size, Channels] in
// [-1, 1].
func (d DCGAN) Generator(scope *model.Scope, z *Node) *Node {
	if d.PixelNorm {
		return d.generate(scope, z, func(_ *model.Scope, x *Node) *Node { return PixelNorm(x) })
	}
	return d.generate(scope, z, BatchNorm)
}

func (d DCGAN) generate(scope *model.Scope, z *Node, norm func(*model.Scope, *Node) *Node) *Node {
	d, scope = d.withDefaults(), WithNormal(scope, 0.02)
	times, side := halvings(d.Size)
	channels := d.Width << (times - 1)
	// Layers before a BatchNorm have no bias: it would be subtracted with the mean.
	x := MatMul(z, weights(scope.In("project"), z, z.Shape().Dim(1), side*side*channels))
	x = ReLU(norm(scope.In("norm_0"), Reshape(x, -1, side, side, channels)))
	for layer := 1; layer < times; layer++ {
		channels /= 2
		x = upConv(scope.In("up_%d", layer), x, channels)
		x = ReLU(norm(scope.In("norm_%d", layer), x))
	}
	return Tanh(UpConv2D(scope.In("output"), x, d.Channels))
}

// Critic judges images. x: [batch, Size, Size, any channels] in [-1, 1]; the result: [batch, 1], unbounded.
func (d DCGAN) Critic(scope *model.Scope, x *Node) *Node {
	d, scope = d.withDefaults(), WithNormal(scope, 0.02)
	return d.logit(scope, d.features(scope, x))
}

// FeatureCritic is Critic with the features below its head, for methods that compare images by them. x: [batch, Size, Size, any
// channels] in [-1, 1]; the result: [batch, 1+features], see WithFeatures.
func (d DCGAN) FeatureCritic(scope *model.Scope, x *Node) *Node {
	d, scope = d.withDefaults(), WithNormal(scope, 0.02)
	features := d.features(scope, x)
	return WithFeatures(d.logit(scope, features), features)
}

// logit is the critic's head, [batch, 1].
func (d DCGAN) logit(scope *model.Scope, features *Node) *Node {
	if d.Norm == NormSpectral {
		return SpectralLinear(scope.In("logit"), features, 1)
	}
	return Linear(scope.In("logit"), features, 1)
}

// features are the critic's layers below its head, [batch, features].
func (d DCGAN) features(scope *model.Scope, x *Node) *Node {
	requireSize("DCGAN's critic", x, d.Size)
	times, _ := halvings(d.Size)
	for layer := range times {
		norm := d.Norm
		if layer == 0 && norm != NormSpectral {
			norm = NormNone
		}
		x = norm.downConv(scope.In("down_%d", layer), x, d.Width<<layer)
		x = LeakyReLU(norm.apply(scope.In("norm_%d", layer), x), leak)
	}
	if d.Diversity > 0 {
		x = MinibatchStdDev(x, d.Diversity)
	}
	return Flatten(x)
}

// downConv is the layer that halves an image before its normalisation.
func (n Norm) downConv(scope *model.Scope, x *Node, out int) *Node {
	switch n {
	case NormSpectral:
		return SpectralDownConv2D(scope, x, out)
	case NormBatch, NormInstance: // a bias would be subtracted with the mean
		return downConv(x, weights(scope, x, 4, 4, x.Shape().Dim(-1), out))
	default:
		return DownConv2D(scope, x, out)
	}
}
