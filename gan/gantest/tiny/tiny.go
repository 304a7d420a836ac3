// Package tiny is the small experiment that tests of trainers and of the linter share.
package tiny

import (
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// Experiment has all that a checkpoint must keep (batch statistics, both optimizers, random state, an epoch of eight steps) and
// little else.
func Experiment(order method.Method) gan.Experiment {
	random := rand.New(rand.NewPCG(1, 1))
	pixels := make([]byte, 64*8*8)
	for i := range pixels {
		pixels[i] = byte(random.UintN(256))
	}
	return gan.Experiment{
		Name: "tiny", Latent: 4, BatchSize: 8, Seed: 11, Method: order,
		Data: data.Of("noise", &sample.Images{Pixels: pixels, N: 64, Height: 8, Width: 8, Channels: 1}),
		Generator: func(scope *model.Scope, z *Node) *Node {
			z = net.ReLU(net.BatchNorm(scope.In("norm"), net.Dense(scope.In("dense"), z, 32)))
			return Reshape(Tanh(net.Dense(scope.In("output"), z, 64)), -1, 8, 8, 1)
		},
		Critic: func(scope *model.Scope, x *Node) *Node {
			return net.Dense(scope.In("logit"), net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 32), 0.2), 1)
		},
	}
}

// Smooth is Experiment with a generator without batch statistics.
func Smooth() gan.Experiment {
	exp := Experiment(method.Alternating{})
	exp.Generator = func(scope *model.Scope, z *Node) *Node {
		z = net.LeakyReLU(net.Dense(scope.In("dense"), z, 32), 0.2)
		return Reshape(Tanh(net.Dense(scope.In("output"), z, 64)), -1, 8, 8, 1)
	}
	return exp
}

// Dimming is an augmentation that makes images paler, each by a random factor.
type Dimming struct{}

// Apply implements method.Augmentation.
func (Dimming) Apply(images, strength *Node, random loss.Random) *Node {
	shape := images.Shape().Clone()
	for axis := 1; axis < shape.Rank(); axis++ {
		shape.Dimensions[axis] = 1
	}
	return Mul(images, OneMinus(Mul(strength, random.Uniform(shape))))
}

// String implements method.Augmentation.
func (Dimming) String() string { return "dimming" }

// Steps makes n steps and returns their progress, without the speed.
func Steps(t testing.TB, of *train.Trainer, n int) (all []train.Progress) {
	t.Helper()
	for p, err := range of.Train(t.Context(), n) {
		if err != nil {
			t.Fatal(err)
		}
		p.StepsPerSecond = 0
		all = append(all, p)
	}
	return all
}
