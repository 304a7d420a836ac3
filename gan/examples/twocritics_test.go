package examples_test

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/method"
	"gantry.local/gan/metric"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// D2GAN (Nguyen et al., 2017, arXiv:1709.03831) has two critics: one rewards real samples, the other generated ones, so that the
// generator minimises both divergences between data and model and loses fewer modes.
func Example_twoCritics() {
	const alpha, beta = 0.2, 0.1
	hidden := func(scope *model.Scope, x *Node) *Node {
		x = net.LeakyReLU(net.Dense(scope.In("first"), net.Flatten(x), 64), 0.2)
		return net.LeakyReLU(net.Dense(scope.In("second"), x, 64), 0.2)
	}
	generator := func(scope *model.Scope, z *Node) *Node {
		return Reshape(net.Dense(scope.In("output"), hidden(scope, z), 2), -1, 1, 1, 2)
	}
	critic := func(scope *model.Scope, x *Node) *Node { // a positive number
		return Softplus(net.Dense(scope.In("output"), hidden(scope, x), 1))
	}
	logOf := func(x *Node) *Node { return Log(AddScalar(x, 1e-6)) }
	likesReal := func(p *method.Play) *Node { // its loss: -α·log D₁(x) + D₁(G(z))
		fake := p.Shared("fake", func() *Node { return StopGradient(p.Net("generator", p.Latents())) })
		return Sub(ReduceAllMean(p.Net("likes-real", fake)), MulScalar(ReduceAllMean(logOf(p.Net("likes-real", p.Real().Images))), alpha))
	}
	likesFake := func(p *method.Play) *Node { // its loss: D₂(x) - β·log D₂(G(z))
		fake := p.Shared("fake", func() *Node { return StopGradient(p.Net("generator", p.Latents())) })
		return Sub(ReduceAllMean(p.Net("likes-fake", p.Real().Images)), MulScalar(ReduceAllMean(logOf(p.Net("likes-fake", fake))), beta))
	}
	both := func(p *method.Play) *Node {
		fake := p.Net("generator", p.Latents())
		objective := Sub(MulScalar(ReduceAllMean(logOf(p.Net("likes-fake", fake))), beta), ReduceAllMean(p.Net("likes-real", fake)))
		p.Report("generator loss", objective)
		return objective
	}
	adam := optim.NewAdam(1e-3, 0.5, 0.999)
	trainer, _ := trained(method.Game{
		Name: "d2gan", Data: []data.Set{data.Ring8().Set(4000, 1)}, BatchSize: 64,
		Networks: []method.Network{method.Of("generator", generator), method.Of("likes-real", critic), method.Of("likes-fake", critic)},
		Sampler:  method.Sampler{Network: "generator", Latent: 8},
		Turns: []method.Turn{
			{Together: true, Phases: []method.Phase{{Moves: []string{"likes-real"}, Objective: likesReal, Optimizer: adam},
				{Moves: []string{"likes-fake"}, Objective: likesFake, Optimizer: adam}}},
			{Again: true, Phases: []method.Phase{{Moves: []string{"generator"}, Objective: both, Optimizer: adam}}}},
	}, 500)
	samples, _ := trainer.Sample(1000, 1)
	modes, err := metric.Modes(samples.Values, data.Ring8().Centres, data.Ring8().Std, 5)
	fmt.Println(modes.ReverseKL < 0.2, err) // that of one mode alone is log 8
	// Output: true <nil>
}
