package examples_test

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/train"
)

// InfoGAN (Chen et al., 2016, arXiv:1606.03657) gives a part of z a meaning: a reader must tell the code from the image, and the
// generator moves together with it so that it can. Here the code is the first component of z.
func Example_infoGAN() {
	const latent = 3
	hidden := func(scope *model.Scope, x *Node) *Node {
		return net.LeakyReLU(net.Dense(scope.In("hidden"), net.Flatten(x), 32), 0.2)
	}
	generator := func(scope *model.Scope, z *Node) *Node {
		return Reshape(net.Dense(scope.In("output"), hidden(scope, z), 2), -1, 1, 1, 2)
	}
	one := func(scope *model.Scope, x *Node) *Node { return net.Dense(scope.In("output"), hidden(scope, x), 1) }
	codes := func(z *Node) *Node { return Slice(z, AxisRange(), AxisRange(0, 1)) }

	criticObjective := func(p *method.Play) *Node {
		fake := StopGradient(p.Net("generator", p.Latents()))
		return loss.NonSaturating.Critic(p.Net("critic", p.Real().Images), p.Net("critic", fake))
	}
	generatorObjective := func(p *method.Play) *Node {
		z := p.Latents()
		fake := p.Net("generator", z)
		information := ReduceAllMean(Square(Sub(p.Net("reader", fake), codes(z))))
		p.Report("information loss", information)
		return Add(loss.NonSaturating.Generator(nil, p.Net("critic", fake)), information)
	}
	adam := optim.NewAdam(2e-3, 0.5, 0.999)
	trainer, last := trained(method.Game{
		Name: "infogan", Data: []data.Set{data.Ring8().Set(2000, 1)}, BatchSize: 64,
		Networks: []method.Network{method.Of("generator", generator), method.Of("critic", one), method.Of("reader", one)},
		Sampler:  method.Sampler{Network: "generator", Latent: latent},
		Turns: []method.Turn{
			{Phases: []method.Phase{{Moves: []string{"critic"}, Objective: criticObjective, Optimizer: adam}}},
			{Phases: []method.Phase{{Moves: []string{"generator", "reader"}, Objective: generatorObjective, Optimizer: adam}}, Again: true}},
	}, 600)
	// Images of one code are alike, whatever the rest of z; images of other codes are not.
	spread := func(of func(i int) float32) (sum float64) {
		z := train.Latents(50, latent, 1)
		for i := range 50 {
			z[i*latent] = of(i)
		}
		samples, _ := trainer.Generate(z, nil)
		for axis := range 2 {
			var values []float32
			for i := range 50 {
				values = append(values, samples.Values[2*i+axis])
			}
			for _, v := range values {
				sum += math.Pow(float64(v)-mean(values), 2) / 50
			}
		}
		return math.Sqrt(sum)
	}
	same, other := spread(func(int) float32 { return 1 }), spread(func(i int) float32 { return float32(i)/12.5 - 2 })
	fmt.Println(last.Value("information loss") < 0.3, other > same)
	// Output: true true
}
