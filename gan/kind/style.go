package kind

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/setting"
)

// Style is a GAN whose generator is a mapping network and a synthesis network, as net.Style's, with regularised paths (StyleGAN2: Karras
// et al., "Analyzing and improving the image quality of StyleGAN", 2019, arXiv:1912.04958): a step in w of one length shall change images by one
// length, wherever it begins and whatever its direction:
//
//	L_G = L(D(G(z))) + PathWeight · E (‖J_wᵀ y‖ - a)²,    a ← a + 0.01 · (E ‖J_wᵀ y‖ - a), 0 at first
//
// with y as in PathLengths. a is the setting "path.length", which follows the steps. The critic has R1. Both regularisations are lazy: every
// Every-th step has them, as much heavier.
type Style struct {
	Common

	Mapping   Network // z [batch, Latent] to w [batch, n]; required
	Synthesis Network // w to images; required
	Critic    Network // images to logits [batch, 1]; required

	PathWeight float64   // a setting called "path.weight"; default 2, as in the paper
	R1         float64   // a setting called "penalty.r1"; default 1
	Every      int       // steps from one with regularisation to the next; default 4
	Loss       loss.Loss // default loss.NonSaturating
}

// Names of the numbers that Style reports beside those of the usual game.
const (
	PathLength  = "path length"  // the mean, of the steps that look at it
	PathPenalty = "path penalty" // E (‖J_wᵀ y‖ - a)²
)

const (
	pathWeightSetting = "path.weight"
	pathLengthSetting = "path.length"
	r1Setting         = "penalty.r1"
)

// following is a running mean of the path lengths.
type following struct{}

// Follows implements setting.Follower.
func (following) Follows() string { return PathLength }

// Next implements setting.Follower.
func (following) Next(now, reported float64, _ int) float64 { return now + 0.01*(reported-now) }

func (k Style) withDefaults() Style {
	k.Common = k.Common.withDefaults()
	if k.PathWeight == 0 {
		k.PathWeight = 2
	}
	if k.R1 == 0 {
		k.R1 = 1
	}
	if k.Every == 0 {
		k.Every = 4
	}
	if k.Loss == nil {
		k.Loss = loss.NonSaturating
	}
	return k
}

// With implements method.Chosen.
func (k Style) With(c method.Choice) (of method.Description, err error) {
	k.Common, err = k.with(c)
	return k, err
}

// Game implements method.Description.
func (k Style) Game() (method.Game, error) {
	k = k.withDefaults()
	switch {
	case k.Mapping == nil || k.Synthesis == nil:
		return method.Game{}, fmt.Errorf("%q needs a Mapping and a Synthesis", k.Name)
	case k.Every < 0:
		return method.Game{}, fmt.Errorf("%q: Every %d must not be negative", k.Name, k.Every)
	}
	game, err := k.game(network{"Synthesis", method.GeneratorName, k.Synthesis}, network{"Critic", method.CriticName, k.Critic})
	if err != nil {
		return game, err
	}
	game.Networks[0].Build = func(scope *model.Scope, inputs ...*Node) []*Node { // images and w
		w := k.Mapping(scope.In("mapping"), inputs[0])
		return []*Node{k.Synthesis(scope.In("synthesis"), w), w}
	}
	length := setting.NonNegative(pathLengthSetting, 0)
	length.Follow = following{}
	game.Settings = []setting.Setting{setting.NonNegative(pathWeightSetting, k.PathWeight), length, setting.NonNegative(r1Setting, k.R1)}
	critic, generator := k.moves(k.criticObjective, method.CriticName), k.moves(k.generatorObjective, method.GeneratorName)
	critic.LazyEvery, generator.LazyEvery = k.Every, k.Every
	game.Turns = []method.Turn{{Phases: []method.Phase{critic}}, {Phases: []method.Phase{generator}, Again: true}}
	return game.Game()
}

func (k Style) criticObjective(p *method.Play) *Node {
	critic := func(images *Node) *Node { return p.Net(method.CriticName, images) }
	x, made := p.Real().Images, StopGradient(p.Net(method.GeneratorName, p.Latents()))
	real, fake := critic(x), critic(made)
	objective := k.Loss.Critic(real, fake)
	method.ReportCritic(p, objective, real, fake)
	times, due := p.Lazy()
	if !due {
		return objective
	}
	penalty := Mul(loss.R1(k.R1).Term(loss.Judged{Critic: critic, Real: x, Fake: made, RealLogits: real, FakeLogits: fake, Random: p.Random()}), p.Setting(r1Setting))
	p.Report(method.PenaltyTerm, penalty)
	return Add(objective, MulScalar(penalty, float64(times)))
}

func (k Style) generatorObjective(p *method.Play) *Node {
	made := p.Nets(method.GeneratorName, p.Latents())
	objective := generatorLoss(p, k.Loss, method.CriticName, 0, made[0])
	p.Report(method.GeneratorLoss, objective)
	times, due := p.Lazy()
	if !due {
		return objective
	}
	lengths := PathLengths(made[0], made[1], p.Random().Normal(made[0].Shape()))
	penalty := ReduceAllMean(Square(Sub(lengths, p.Setting(pathLengthSetting))))
	p.Report(PathLength, ReduceAllMean(lengths))
	p.Report(PathPenalty, penalty)
	return Add(objective, MulScalar(Mul(penalty, p.Setting(pathWeightSetting)), float64(times)))
}
