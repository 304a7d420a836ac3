package kind

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/loss"
	"gantry.local/gan/method"
)

// BiGAN learns an encoder beside the generator: the critic judges pairs of an image and a latent, real images with what the encoder
// makes of them, and generated ones with what they were made of (Donahue, Krähenbühl and Darrell, "Adversarial feature learning", 2016,
// arXiv:1605.09782; the same game as ALI: Dumoulin et al., "Adversarially learned inference", 2016, arXiv:1606.00704):
//
//	L_D = L_critic(D(x, E(x)), D(G(z), z)),    L_GE = L_critic(D(G(z), z), D(x, E(x)))
//
// Where neither can be told from the other, E is the inverse of G: images come out as they went in, though nothing compares them.
type BiGAN struct {
	Common

	Generator Network // [batch, Latent] to images; required
	Encoder   Network // images to [batch, Latent]; required

	// Critic maps images and latents, [batch, …] and [batch, Latent], to logits [batch, 1]; required.
	Critic func(scope *model.Scope, x, z *Node) *Node

	Loss loss.Loss // default loss.NonSaturating
}

// With implements method.Chosen.
func (k BiGAN) With(c method.Choice) (of method.Description, err error) {
	k.Common, err = k.with(c)
	return k, err
}

// Game implements method.Description.
func (k BiGAN) Game() (method.Game, error) {
	k = k.withDefaults()
	game, err := k.game(network{"Generator", method.GeneratorName, k.Generator}, network{"Encoder", EncoderName, k.Encoder})
	if err != nil {
		return game, err
	}
	if k.Critic == nil {
		return game, fmt.Errorf("%q needs a network Critic", k.Name)
	}
	game.Networks = append(game.Networks, method.Network{Name: method.CriticName, Build: func(scope *model.Scope, inputs ...*Node) []*Node {
		return []*Node{k.Critic(scope, inputs[0], inputs[1])}
	}})
	game.Turns = []method.Turn{
		{Phases: []method.Phase{k.moves(k.criticObjective, method.CriticName)}},
		{Phases: []method.Phase{k.moves(k.othersObjective, method.GeneratorName, EncoderName)}, Again: true}}
	return game.Game()
}

func (k BiGAN) withDefaults() BiGAN {
	k.Common = k.Common.withDefaults()
	if k.Loss == nil {
		k.Loss = loss.NonSaturating
	}
	return k
}

// logits are the critic's of both kinds of pairs; hold keeps gradients out of what is not the critic.
func (k BiGAN) logits(p *method.Play, hold func(*Node) *Node) (real, fake *Node) {
	x, z := p.Real().Images, p.Latents()
	code := hold(p.Net(EncoderName, x))
	if !code.Shape().Equal(z.Shape()) {
		panic(fmt.Errorf("the encoder makes %s of images, want latents %s", code.Shape(), z.Shape()))
	}
	return p.Net(method.CriticName, x, code), p.Net(method.CriticName, hold(p.Net(method.GeneratorName, z)), z)
}

func (k BiGAN) criticObjective(p *method.Play) *Node {
	real, fake := k.logits(p, StopGradient)
	objective := k.Loss.Critic(real, fake)
	method.ReportCritic(p, objective, real, fake)
	return objective
}

func (k BiGAN) othersObjective(p *method.Play) *Node {
	real, fake := k.logits(p, func(x *Node) *Node { return x })
	objective := k.Loss.Critic(fake, real)
	p.Report(method.GeneratorLoss, objective)
	return objective
}
