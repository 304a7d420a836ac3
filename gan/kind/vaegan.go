package kind

import (
	"errors"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/setting"
)

// VAEGAN is a variational autoencoder whose decoder is the generator of a GAN, and whose reconstructions are compared with the originals
// by features of the critic in the place of pixels (Larsen et al., "Autoencoding beyond pixels using a learned similarity metric", 2015,
// arXiv:1512.09300):
//
//	L_E = R + Divergence · KL(N(μ, σ²) ‖ N(0, 1)),    L_G = Similarity · R + L(D(G(z))) + L(D(G(E(x))))
//	R = ½ E ‖ f(x) - f(G(E(x))) ‖² / features,    E(x) = μ + σ·ε
//
// The critic takes decoded images for fake as it does generated ones. All three are updated on one batch, one after the other.
type VAEGAN struct {
	Common

	Generator Network // [batch, Latent] to images, which decodes too; required
	Encoder   Network // images to [batch, 2·Latent], μ and log σ²; required
	Critic    Network // images to [batch, 1+features], a logit and features, such as net.MLPFeatureCritic; required

	Similarity float64   // a setting called "similarity.weight"; default 1
	Divergence float64   // a setting called "divergence.weight"; default 0.01
	Loss       loss.Loss // default loss.NonSaturating
}

// Names of the numbers that VAEGAN reports beside those of the usual game.
const (
	Reconstruction = "reconstruction" // R
	KLDivergence   = "divergence"     // of z's distribution from N(0, 1), per component
)

const (
	similaritySetting = "similarity.weight"
	divergenceSetting = "divergence.weight"
)

func (k VAEGAN) withDefaults() VAEGAN {
	k.Common = k.Common.withDefaults()
	if k.Similarity == 0 {
		k.Similarity = 1
	}
	if k.Divergence == 0 {
		k.Divergence = 0.01
	}
	if k.Loss == nil {
		k.Loss = loss.NonSaturating
	}
	return k
}

// With implements method.Chosen.
func (k VAEGAN) With(c method.Choice) (of method.Description, err error) {
	k.Common, err = k.with(c)
	return k, err
}

// Game implements method.Description.
func (k VAEGAN) Game() (method.Game, error) {
	k = k.withDefaults()
	game, err := k.game(network{"Generator", method.GeneratorName, k.Generator}, network{"Encoder", EncoderName, k.Encoder}, network{"Critic", method.CriticName, k.Critic})
	if err != nil {
		return game, err
	}
	if _, separable := k.Loss.(loss.Halves); !separable {
		return game, fmt.Errorf("%q: loss %v compares each fake image with a real one, and here are two of each real one: use one of terms, such as loss.NonSaturating", k.Name, k.Loss)
	}
	game.Settings = []setting.Setting{setting.NonNegative(similaritySetting, k.Similarity), setting.NonNegative(divergenceSetting, k.Divergence)}
	game.Turns = []method.Turn{{Phases: []method.Phase{
		k.moves(k.criticObjective, method.CriticName), k.moves(k.encoderObjective, EncoderName), k.moves(k.generatorObjective, method.GeneratorName)}}}
	return game.Game()
}

// Encode draws z for images by what the encoder says of them, [batch, 2·latent], and returns its divergence from N(0, 1), the mean over all
// components.
func Encode(said, normal *Node) (z, divergence *Node) {
	latent := said.Shape().Dim(1) / 2
	mean, logVariance := Slice(said, AxisRange(), AxisRange(0, latent)), Slice(said, AxisRange(), AxisRange(latent))
	z = Add(mean, Mul(Exp(MulScalar(logVariance, 0.5)), normal))
	return z, MulScalar(ReduceAllMean(Sub(Add(Square(mean), Exp(logVariance)), AddScalar(logVariance, 1))), 0.5)
}

// judged are a critic's logit and features.
func judged(p *method.Play, images *Node) (logit, features *Node) {
	out := p.Net(method.CriticName, images)
	if out.Rank() != 2 || out.Shape().Dim(1) < 2 {
		panic(errors.New("a VAE-GAN asks for a critic that returns [batch, 1+features], as net.MLPFeatureCritic does"))
	}
	return Slice(out, AxisRange(), AxisRange(0, 1)), Slice(out, AxisRange(), AxisRange(1))
}

// decoded are the real images as they come out, and the divergence of their latents.
func (k VAEGAN) decoded(p *method.Play) (images, divergence *Node) {
	said := p.Net(EncoderName, p.Real().Images)
	if want := 2 * k.Latent; said.Rank() != 2 || said.Shape().Dim(1) != want {
		panic(fmt.Errorf("the encoder makes %s of images, want [batch, %d]: means and logarithms of variances", said.Shape(), want))
	}
	normal := p.Shared("normal", func() *Node { return p.Random().Normal(Slice(said, AxisRange(), AxisRange(0, k.Latent)).Shape()) })
	z, divergence := Encode(said, normal)
	return p.Net(method.GeneratorName, z), divergence
}

func (k VAEGAN) criticObjective(p *method.Play) *Node {
	decoded, _ := k.decoded(p)
	real, _ := judged(p, p.Real().Images)
	fake, _ := judged(p, StopGradient(p.Net(method.GeneratorName, p.Latents())))
	back, _ := judged(p, StopGradient(decoded))
	halves := k.Loss.(loss.Halves)
	objective := Add(halves.Real(real), MulScalar(Add(halves.Fake(fake), halves.Fake(back)), 0.5))
	method.ReportCritic(p, objective, real, fake)
	return objective
}

// unlike is R.
func (k VAEGAN) unlike(p *method.Play, features *Node) *Node {
	_, real := judged(p, p.Real().Images)
	return MulScalar(ReduceAllMean(Square(Sub(features, real))), 0.5)
}

func (k VAEGAN) encoderObjective(p *method.Play) *Node {
	decoded, divergence := k.decoded(p)
	_, features := judged(p, decoded)
	p.Report(KLDivergence, divergence)
	return Add(k.unlike(p, features), Mul(divergence, p.Setting(divergenceSetting)))
}

func (k VAEGAN) generatorObjective(p *method.Play) *Node {
	decoded, _ := k.decoded(p)
	back, features := judged(p, decoded)
	fake, _ := judged(p, p.Net(method.GeneratorName, p.Latents()))
	reconstruction := k.unlike(p, features)
	adversarial := MulScalar(Add(k.Loss.Generator(nil, fake), k.Loss.Generator(nil, back)), 0.5)
	p.Report(Reconstruction, reconstruction)
	p.Report(method.GeneratorLoss, adversarial)
	return Add(Mul(reconstruction, p.Setting(similaritySetting)), adversarial)
}
