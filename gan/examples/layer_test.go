package examples_test

import (
	"fmt"
	"log"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
)

// grouped is a convolution of 3×3 in groups of channels that do not see each other.
func grouped(scope *model.Scope, x *Node, out, groups int) *Node {
	in, parts := x.Shape().Dim(3)/groups, make([]*Node, groups)
	for i := range parts {
		kernel := scope.In("group_%d", i).VariableWithShape("weights", shapes.Make(dtypes.Float32, 3, 3, in, out/groups)).NodeValue(x)
		parts[i] = net.Convolution(net.Channels(x, i*in, (i+1)*in), kernel, 1, 1)
	}
	return Concatenate(parts, -1)
}

// A layer of one's own in the critic under R1, which differentiates the critic's slope by its weights once more.
func Example_layer() {
	trainer, last := trained(gan.Experiment{
		Name: "layers", Data: shades("day", 0.5), Latent: 4, BatchSize: 16, Penalties: []loss.Penalty{loss.R1(1)},
		Generator: func(scope *model.Scope, z *Node) *Node {
			x := Reshape(net.Dense(scope.In("dense"), z, 4*4*8), -1, 4, 4, 8)
			x = net.LeakyReLU(net.ModulatedConv2D(scope.In("styled"), x, net.Dense(scope.In("style"), z, 8), 8, 3), 0.2)
			return Tanh(net.SameConv2D(scope.In("output"), x, 1, 3))
		},
		Critic: func(scope *model.Scope, x *Node) *Node {
			x = net.LeakyReLU(net.SameConv2D(scope.In("first"), x, 8, 3), 0.2)
			return net.Dense(scope.In("logit"), net.Flatten(net.LeakyReLU(grouped(scope.In("grouped"), x, 8, 2), 0.2)), 1)
		},
	}.WithDefaults(), 20)
	if _, err := trainer.Sample(4, 1); err != nil {
		log.Fatal(err)
	}
	fmt.Println(last.Value(method.PenaltyTerm) > 0, last.Value(method.CriticGradient) > 0)
	// Output: true true
}
