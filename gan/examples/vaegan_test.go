package examples_test

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// A VAE-GAN (Larsen et al., 2016, arXiv:1512.09300) has an encoder beside the usual two: what it encodes must be decoded to an image
// that has the same features in the critic, which is asked for its hidden layer too.
func Example_vaeGAN() {
	const latent = 2
	encoder := func(scope *model.Scope, x *Node) *Node { // the mean and the logarithm of the variance of z
		return net.Dense(scope.In("output"), net.LeakyReLU(net.Dense(scope.In("hidden"), net.Flatten(x), 32), 0.2), 2*latent)
	}
	generator := func(scope *model.Scope, z *Node) *Node {
		return Reshape(net.Dense(scope.In("output"), net.LeakyReLU(net.Dense(scope.In("hidden"), z, 32), 0.2), 2), -1, 1, 1, 2)
	}
	critic := method.Network{Name: "critic", Build: func(scope *model.Scope, inputs ...*Node) []*Node { // the logit, and features
		features := net.LeakyReLU(net.Dense(scope.In("hidden"), net.Flatten(inputs[0]), 32), 0.2)
		return []*Node{net.Dense(scope.In("logit"), features, 1), features}
	}}
	encode := func(p *method.Play) (z, divergence *Node) {
		code := p.Net("encoder", p.Real().Images)
		mean, logVariance := Slice(code, AxisRange(), AxisRange(0, latent)), Slice(code, AxisRange(), AxisRange(latent))
		z = Add(mean, Mul(Exp(MulScalar(logVariance, 0.5)), p.Random().Normal(mean.Shape())))
		return z, MulScalar(ReduceAllMean(Sub(Add(Square(mean), Exp(logVariance)), AddScalar(logVariance, 1))), 0.5)
	}
	unlike := func(p *method.Play, z *Node) *Node { // how far the features of decoded images are from those of the real ones
		of, decoded := p.Nets("critic", p.Real().Images)[1], p.Nets("critic", p.Net("generator", z))[1]
		return ReduceAllMean(Square(Sub(decoded, of)))
	}
	criticObjective := func(p *method.Play) *Node {
		fake := StopGradient(p.Net("generator", p.Latents()))
		objective := loss.NonSaturating.Critic(p.Net("critic", p.Real().Images), p.Net("critic", fake))
		p.Report("critic loss", objective)
		return objective
	}
	encoderObjective := func(p *method.Play) *Node {
		z, divergence := encode(p)
		p.Report("divergence", divergence)
		return Add(unlike(p, z), MulScalar(divergence, 0.01))
	}
	generatorObjective := func(p *method.Play) *Node {
		z, _ := encode(p)
		reconstruction := unlike(p, z)
		p.Report("reconstruction", reconstruction)
		return Add(reconstruction, loss.NonSaturating.Generator(nil, p.Net("critic", p.Net("generator", p.Latents()))))
	}
	moves := func(name string, objective method.Objective) method.Phase {
		return method.Phase{Moves: []string{name}, Objective: objective, Optimizer: optim.NewAdam(2e-3, 0.5, 0.999)}
	}
	trainer, last := trained(method.Game{
		Name: "vae-gan", Data: []data.Set{data.Ring8().Set(2000, 1)}, BatchSize: 64,
		Networks: []method.Network{method.Of("encoder", encoder), method.Of("generator", generator), critic},
		Sampler:  method.Sampler{Network: "generator", Latent: latent},
		Turns: []method.Turn{{Phases: []method.Phase{moves("critic", criticObjective), moves("encoder", encoderObjective),
			moves("generator", generatorObjective)}}},
	}, 300)
	samples, err := trainer.Sample(100, 1)
	fmt.Println(samples.N, last.Value("reconstruction") < 0.05, last.Value("divergence") > 0, err)
	// Output: 100 true true <nil>
}
