package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// Toy is a pair of small networks for points: in the plane, where every mode can be seen (rings, grids and moons), or in a space
// of as many dimensions as a table has columns. Its
// methods are networks. The zero value has two hidden layers of 128 ReLUs in both; see also PacGANToy.
type Toy struct {
	Width  int  // of the generator's hidden layers; default 128
	Layers int  // hidden layers of the generator; default 2
	Norm   bool // BatchNorm before the generator's ReLUs

	Channels int // dimensions of the generator's points; default 2

	CriticWidth  int // of the critic's hidden layers; default Width
	CriticLayers int // hidden layers of the critic; default Layers
	Pieces       int // linear pieces per unit of the critic's hidden layers, as in Maxout; 0 for ReLU
}

// PacGANToy is the pair of PacGAN's experiments with a ring and a grid of Gaussians: a generator of four hidden layers of
// 400 with BatchNorm, and a critic of three of 200 with Maxout of five pieces (Lin et al., "PacGAN", 2017,
// arXiv:1712.04086, and its code). Weights start Glorot uniform here.
func PacGANToy() Toy {
	return Toy{Width: 400, Layers: 4, Norm: true, CriticWidth: 200, CriticLayers: 3, Pieces: 5}
}

func (t Toy) withDefaults() Toy {
	t.Width, t.Layers, t.Channels = orDefault(t.Width, 128), orDefault(t.Layers, 2), orDefault(t.Channels, 2)
	t.CriticWidth, t.CriticLayers = orDefault(t.CriticWidth, t.Width), orDefault(t.CriticLayers, t.Layers)
	return t
}

// Generator maps latents to points. z: [batch, latent] float32, N(0,1); the result: [batch, 1, 1, Channels], unbounded.
func (t Toy) Generator(scope *model.Scope, z *Node) *Node {
	t, scope = t.withDefaults(), WithGlorot(scope)
	x := z
	for layer := range t.Layers {
		if t.Norm { // a bias would be subtracted with the mean
			x = MatMul(x, weights(scope.In("dense_%d", layer), x, x.Shape().Dim(1), t.Width))
			x = BatchNorm(scope.In("norm_%d", layer), x)
		} else {
			x = Linear(scope.In("dense_%d", layer), x, t.Width)
		}
		x = ReLU(x)
	}
	return Reshape(Linear(scope.In("output"), x, t.Channels), -1, 1, 1, t.Channels)
}

// Critic judges points, or packs of them. x: [batch, 1, 1, any channels]; the result: [batch, 1], unbounded.
func (t Toy) Critic(scope *model.Scope, x *Node) *Node {
	t, scope = t.withDefaults(), WithGlorot(scope)
	x = Flatten(x)
	for layer := range t.CriticLayers {
		if t.Pieces > 0 {
			x = Maxout(scope.In("dense_%d", layer), x, t.CriticWidth, t.Pieces)
		} else {
			x = ReLU(Linear(scope.In("dense_%d", layer), x, t.CriticWidth))
		}
	}
	return Linear(scope.In("logit"), x, 1)
}
