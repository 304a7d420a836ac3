"""The cells that make a small experiment, quick to compile and to train."""

EXPERIMENT = """import (
	"context"
	"fmt"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/net"
	"gantry.local/kernel-ext/lab"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

func generator(scope *model.Scope, z *Node) *Node {
	x := net.LeakyReLU(net.Dense(scope.In("hidden"), z, 64), 0.2)
	return Reshape(Tanh(net.Dense(scope.In("output"), x, 28*28)), -1, 28, 28, 1)
}

func critic(scope *model.Scope, x *Node) *Node {
	x = net.LeakyReLU(net.Dense(scope.In("hidden"), net.Flatten(x), 64), 0.2)
	return net.Dense(scope.In("logit"), x, 1)
}

func experiment(name string, seed int64) gan.Experiment {
	return gan.Experiment{
		Name: name, Data: data.MNIST(), Latent: 16, Generator: generator, Critic: critic,
		Loss: loss.NonSaturating, BatchSize: 16, Seed: seed,
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
"""
