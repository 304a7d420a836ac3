package kind

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/method"
	"gantry.local/gan/setting"
)

// BEGAN has a critic that is an autoencoder, whose word on an image is how badly it restores it (Berthelot, Schumm and Metz, "BEGAN:
// boundary equilibrium generative adversarial networks", 2017, arXiv:1703.10717; critics of that kind are energies: Zhao et al., 2016,
// arXiv:1609.03126):
//
//	L_D = ℓ(x) - k·ℓ(G(z)),    L_G = ℓ(G(z)),    ℓ(v) = E |v - D(v)|
//	k ← k + Speed · (Diversity · ℓ(x) - ℓ(G(z))),    kept in [0, 1], 0 at first
//
// k is the setting "began.balance", which follows the step's report. It keeps ℓ(G(z)) at Diversity times ℓ(x): at less the images are finer
// and more alike.
type BEGAN struct {
	Common

	Generator Network // [batch, Latent] to images; required
	Critic    Network // an autoencoder, images to images; required

	Diversity float64 // γ, in (0, 1]; default 0.5
	Speed     float64 // λ_k, positive; default 1e-3
}

// Names of the numbers that BEGAN reports beside the losses.
const (
	Balance     = "balance"     // γ·ℓ(x) - ℓ(G(z)), which k follows
	Convergence = "convergence" // ℓ(x) + |γ·ℓ(x) - ℓ(G(z))|, the paper's measure, which falls as images get better
)

const balanceSetting = "began.balance"

// towards moves k.
type towards struct{ speed float64 }

// Follows implements setting.Follower.
func (towards) Follows() string { return Balance }

// Next implements setting.Follower.
func (t towards) Next(now, reported float64, _ int) float64 { return now + t.speed*reported }

func (k BEGAN) withDefaults() BEGAN {
	k.Common = k.Common.withDefaults()
	if k.Diversity == 0 {
		k.Diversity = 0.5
	}
	if k.Speed == 0 {
		k.Speed = 1e-3
	}
	return k
}

// With implements method.Chosen.
func (k BEGAN) With(c method.Choice) (of method.Description, err error) {
	k.Common, err = k.with(c)
	return k, err
}

// Game implements method.Description.
func (k BEGAN) Game() (method.Game, error) {
	k = k.withDefaults()
	game, err := k.game(network{"Generator", method.GeneratorName, k.Generator}, network{"Critic", method.CriticName, k.Critic})
	if err != nil {
		return game, err
	}
	if !(k.Diversity > 0 && k.Diversity <= 1) || !(k.Speed > 0 && k.Speed <= 1) {
		return game, fmt.Errorf("%q: Diversity %g and Speed %g must lie in (0, 1]", k.Name, k.Diversity, k.Speed)
	}
	balance := setting.Fraction(balanceSetting, 0)
	balance.Follow = towards{k.Speed}
	game.Settings = []setting.Setting{balance}
	game.Turns = []method.Turn{
		{Phases: []method.Phase{k.moves(k.criticObjective, method.CriticName)}},
		{Phases: []method.Phase{k.moves(k.generatorObjective, method.GeneratorName)}, Again: true}}
	return game.Game()
}

// unrestored is ℓ.
func unrestored(p *method.Play, images *Node) *Node {
	restored := p.Net(method.CriticName, images)
	if !restored.Shape().Equal(images.Shape()) {
		panic(fmt.Errorf("BEGAN's critic makes %s of images %s, want an autoencoder", restored.Shape(), images.Shape()))
	}
	return ReduceAllMean(Abs(Sub(images, restored)))
}

func (k BEGAN) criticObjective(p *method.Play) *Node {
	real := unrestored(p, p.Real().Images)
	fake := unrestored(p, StopGradient(p.Net(method.GeneratorName, p.Latents())))
	objective := Sub(real, Mul(fake, p.Setting(balanceSetting)))
	balance := Sub(MulScalar(real, k.Diversity), fake)
	p.Report(method.CriticLoss, objective)
	p.Report(Balance, balance)
	p.Report(Convergence, Add(real, Abs(balance)))
	return objective
}

func (k BEGAN) generatorObjective(p *method.Play) *Node {
	objective := unrestored(p, p.Net(method.GeneratorName, p.Latents()))
	p.Report(method.GeneratorLoss, objective)
	return objective
}
