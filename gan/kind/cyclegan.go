package kind

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/setting"
)

// CycleGAN translates between two sets of images that no pairs join (Zhu et al., "Unpaired image-to-image translation using
// cycle-consistent adversarial networks", 2017, arXiv:1703.10593). Of two translators each must pass for the other set before a critic, and
// what goes there and back must be as it was:
//
//	L = L(D_B(F(a))) + L(D_A(B(b))) + Cycle · (E |B(F(a)) - a| + E |F(B(b)) - b|) + Identity · (E |F(b) - b| + E |B(a) - a|)
//
// with F from A to B and B back. The last term asks that what is of the set already stays as it is; it holds colours. The paper's buffer of
// fifty older fakes is left out. There is no latent, and so no samples: images are translated by train.Trainer.Apply with the
// names ForwardName and BackName. Common.Data is A; Common's Latent and EMA are not used.
type CycleGAN struct {
	Common
	Other data.Set // B; required

	Forward, Back             Network // images to images of the same shape; required
	ForwardCritic, BackCritic Network // of images of B and of A, to logits; required

	Cycle    float64   // a setting called "cycle.weight"; default 10
	Identity float64   // a setting called "identity.weight"; default 0, off; half of Cycle is usual
	Loss     loss.Loss // default loss.LeastSquares
}

// Names of CycleGAN's networks.
const (
	ForwardName       = "forward"
	BackName          = "back"
	ForwardCriticName = "forward-critic"
	BackCriticName    = "back-critic"
)

// CycleLoss is the name of what CycleGAN reports of images that went there and back: the mean absolute difference, both ways added.
const CycleLoss = "cycle loss"

const (
	cycleSetting    = "cycle.weight"
	identitySetting = "identity.weight"
)

func (k CycleGAN) withDefaults() CycleGAN {
	k.Common = k.Common.withDefaults()
	if k.Cycle == 0 {
		k.Cycle = 10
	}
	if k.Loss == nil {
		k.Loss = loss.LeastSquares
	}
	return k
}

// With implements method.Chosen: of two data sets, A and B.
func (k CycleGAN) With(c method.Choice) (of method.Description, err error) {
	switch len(c.Data) {
	case 0:
	case 2:
		k.Other, c.Data = c.Data[1], c.Data[:1]
	default:
		return nil, fmt.Errorf("%q trains on two data sets, and %d are given", k.Name, len(c.Data))
	}
	k.Common, err = k.with(c)
	return k, err
}

// Game implements method.Description.
func (k CycleGAN) Game() (method.Game, error) {
	k = k.withDefaults()
	game, err := k.game(network{"Forward", ForwardName, k.Forward}, network{"Back", BackName, k.Back},
		network{"ForwardCritic", ForwardCriticName, k.ForwardCritic}, network{"BackCritic", BackCriticName, k.BackCritic})
	if err != nil {
		return game, err
	}
	if k.Other.Load == nil {
		return game, fmt.Errorf("%q needs an Other set to translate to", k.Name)
	}
	game.Data = append(game.Data, k.Other)
	game.Settings = []setting.Setting{setting.NonNegative(cycleSetting, k.Cycle)}
	if k.Identity > 0 {
		game.Settings = append(game.Settings, setting.NonNegative(identitySetting, k.Identity))
	}
	game.Networks[0].Shows = func(p *method.Play, images *Node) (before, after *Node) {
		return images, translate(p, ForwardName, images)
	}
	game.Turns = []method.Turn{
		{Phases: []method.Phase{k.moves(k.criticObjective, ForwardCriticName, BackCriticName)}},
		{Phases: []method.Phase{k.moves(k.translatorObjective, ForwardName, BackName)}, Again: true}}
	return game.Game()
}

// translate calls a translator, which must keep the shape.
func translate(p *method.Play, network string, images *Node) *Node {
	made := p.Net(network, images)
	if !made.Shape().Equal(images.Shape()) {
		panic(fmt.Errorf("network %q makes %s of images %s, want the same shape", network, made.Shape(), images.Shape()))
	}
	return made
}

func (k CycleGAN) criticObjective(p *method.Play) *Node {
	a, b := p.Real().Images, p.Beside(1).Images
	there, back := StopGradient(translate(p, ForwardName, a)), StopGradient(translate(p, BackName, b))
	ofB, ofThere := p.Net(ForwardCriticName, b), p.Net(ForwardCriticName, there)
	ofA, ofBack := p.Net(BackCriticName, a), p.Net(BackCriticName, back)
	objective := MulScalar(Add(k.Loss.Critic(ofB, ofThere), k.Loss.Critic(ofA, ofBack)), 0.5)
	method.ReportCritic(p, objective, Concatenate([]*Node{ofA, ofB}, 0), Concatenate([]*Node{ofThere, ofBack}, 0))
	return objective
}

func (k CycleGAN) translatorObjective(p *method.Play) *Node {
	a, b := p.Real().Images, p.Beside(1).Images
	there, back := translate(p, ForwardName, a), translate(p, BackName, b)
	fooled := Add(generatorLoss(p, k.Loss, ForwardCriticName, 1, there), generatorLoss(p, k.Loss, BackCriticName, 0, back))
	apart := func(x, y *Node) *Node { return ReduceAllMean(Abs(Sub(x, y))) }
	cycle := Add(apart(translate(p, BackName, there), a), apart(translate(p, ForwardName, back), b))
	p.Report(method.GeneratorLoss, fooled)
	p.Report(CycleLoss, cycle)
	objective := Add(fooled, Mul(cycle, p.Setting(cycleSetting)))
	if k.Identity > 0 {
		objective = Add(objective, Mul(Add(apart(translate(p, ForwardName, b), b), apart(translate(p, BackName, a), a)), p.Setting(identitySetting)))
	}
	return objective
}
