package kind

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/setting"
)

// InfoGAN gives a part of the latent a meaning, without labels (Chen et al., "InfoGAN: interpretable representation learning by
// information maximizing generative adversarial nets", 2016, arXiv:1606.03657). A reader tells the code c from the image, and moves
// together with the generator, which so maximises a lower bound of the mutual information of code and image:
//
//	L_G = L(D(G(z, c))) + Weight · (CE(c_k, Q_k(G(z, c))) + ½ E ‖c_u - Q_u(G(z, c))‖²)
//
// The code has one of Categories classes and Numbers numbers, which are uniform in (-1, 1). They are made of the latent, so that samples
// and all else need to know nothing of them, see Code. The numbers' term is that of a normal distribution of variance 1 around what the
// reader says.
type InfoGAN struct {
	Common

	// Generator maps codes and noise, [batch, Categories+Numbers+noise], as Code makes them of z, to images; Critic images to logits
	// [batch, 1]; Reader images to [batch, Categories+Numbers]. All are required.
	Generator, Critic, Reader Network

	Categories int       // default 10
	Numbers    int       // default 2
	Weight     float64   // λ, a setting called "information.weight"; default 1
	Loss       loss.Loss // of the game; default loss.NonSaturating
}

// ReaderName is the name of InfoGAN's network that tells the code.
const ReaderName = "reader"

// Names of the numbers that InfoGAN reports beside those of the usual game.
const (
	InformationLoss = "information loss"
	CodeAccuracy    = "code accuracy" // part of the batch whose class the reader tells
)

const informationSetting = "information.weight"

func (k InfoGAN) withDefaults() InfoGAN {
	k.Common = k.Common.withDefaults()
	if k.Categories == 0 {
		k.Categories = 10
	}
	if k.Numbers == 0 {
		k.Numbers = 2
	}
	if k.Weight == 0 {
		k.Weight = 1
	}
	if k.Loss == nil {
		k.Loss = loss.NonSaturating
	}
	return k
}

// With implements method.Chosen.
func (k InfoGAN) With(c method.Choice) (of method.Description, err error) {
	k.Common, err = k.with(c)
	return k, err
}

// Game implements method.Description.
func (k InfoGAN) Game() (method.Game, error) {
	k = k.withDefaults()
	if k.Categories < 2 || k.Numbers < 0 || k.Categories+k.Numbers > k.Latent {
		return method.Game{}, fmt.Errorf("%q: a code of %d classes and %d numbers must have at least 2 and 0, and fit a latent of %d", k.Name, k.Categories, k.Numbers, k.Latent)
	}
	game, err := k.game(network{"Generator", method.GeneratorName, k.generate}, network{"Critic", method.CriticName, k.Critic}, network{"Reader", ReaderName, k.Reader})
	if err != nil {
		return game, err
	}
	if k.Generator == nil {
		return game, fmt.Errorf("%q needs a network Generator", k.Name)
	}
	game.Settings = []setting.Setting{setting.NonNegative(informationSetting, k.Weight)}
	game.Turns = []method.Turn{
		{Phases: []method.Phase{k.moves(k.criticObjective, method.CriticName)}},
		{Phases: []method.Phase{k.moves(k.generatorObjective, method.GeneratorName, ReaderName)}, Again: true}}
	return game.Game()
}

// Code is what the generator is given of z, [batch, latent] float32 from N(0,1): a class, one-hot, the place of the largest of the
// first Categories components, which is each with the same probability; Numbers numbers uniform in (-1, 1), erf(z/√2) of the next
// components; and the rest of z as it is. To ask for a class, make its component large.
func (k InfoGAN) Code(z *Node) *Node {
	k = k.withDefaults()
	class := OneHot(ArgMax(Slice(z, AxisRange(), AxisRange(0, k.Categories)), -1, dtypes.Int32), k.Categories, z.DType())
	parts := []*Node{class}
	end := k.Categories + k.Numbers
	if k.Numbers > 0 {
		parts = append(parts, Erf(MulScalar(Slice(z, AxisRange(), AxisRange(k.Categories, end)), math.Sqrt2/2)))
	}
	if end < z.Shape().Dim(1) {
		parts = append(parts, Slice(z, AxisRange(), AxisRange(end)))
	}
	return Concatenate(parts, -1)
}

// generate is the Generator behind Code.
func (k InfoGAN) generate(scope *model.Scope, z *Node) *Node { return k.Generator(scope, k.Code(z)) }

// Information is how far a reader's word is from the code that it tells, [batch, Categories+…] as Code makes it: the cross-entropy of the
// class plus half the squared distance of the numbers, averaged over the batch; and the part of the classes that it tells right. told: [batch,
// Categories+Numbers], logits and numbers.
func (k InfoGAN) Information(code, told *Node) (objective, accuracy *Node) {
	k = k.withDefaults()
	columns := func(x *Node, from, to int) *Node { return Slice(x, AxisRange(), AxisRange(from, to)) }
	class, logits := columns(code, 0, k.Categories), columns(told, 0, k.Categories)
	objective = Neg(ReduceAllMean(ReduceSum(Mul(class, LogSoftmax(logits)), -1)))
	if k.Numbers > 0 {
		end := k.Categories + k.Numbers
		apart := Square(Sub(columns(code, k.Categories, end), columns(told, k.Categories, end)))
		objective = Add(objective, MulScalar(ReduceAllMean(ReduceSum(apart, -1)), 0.5))
	}
	right := Equal(ArgMax(logits, -1, dtypes.Int32), ArgMax(class, -1, dtypes.Int32))
	return objective, ReduceAllMean(ConvertDType(right, dtypes.Float32))
}

func (k InfoGAN) criticObjective(p *method.Play) *Node {
	fake := StopGradient(p.Net(method.GeneratorName, p.Latents()))
	real, made := p.Net(method.CriticName, p.Real().Images), p.Net(method.CriticName, fake)
	objective := k.Loss.Critic(real, made)
	method.ReportCritic(p, objective, real, made)
	return objective
}

func (k InfoGAN) generatorObjective(p *method.Play) *Node {
	z := p.Latents()
	fake := p.Net(method.GeneratorName, z)
	objective := generatorLoss(p, k.Loss, method.CriticName, 0, fake)
	p.Report(method.GeneratorLoss, objective)
	information, accuracy := k.Information(k.Code(z), p.Net(ReaderName, fake))
	p.Report(InformationLoss, information)
	p.Report(CodeAccuracy, accuracy)
	return Add(objective, Mul(information, p.Setting(informationSetting)))
}
