package net

import (
	"cmp"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// The residual blocks of the text networks.
const (
	textBlocks = 2
	textWindow = 5 // characters that a convolution sees at once
	planLayers = 2

	residualScale = 0.3 // of what a block adds
)

// Text is a pair of networks for texts. Its methods are networks: a recipe takes
// net.Text{Steps: 16, Vocabulary: 27}.Generator and net.Text{}.Critic.
type Text struct {
	Steps      int // characters of the generator's texts
	Vocabulary int // how many characters the generator knows
	Width      int // features of every place in a text; default 64
	Plan       int // units of the generator's layers that read z alone, before there are places; default 0, which is none

	// Certainty is the factor of the generator's logits before characters are drawn from them; default 1. The surer the generator is,
	// the less depends on the draw of each character by itself, and the more on z, which alone can fit them to one another.
	Certainty float64
}

func (t Text) width() int { return orDefault(t.Width, 64) }

func (t Text) certainty() float64 { return cmp.Or(t.Certainty, 1) }

// Generator is a generator of texts: dense layers read z (Plan), another makes features of every place in the text, residual blocks
// of convolutions over time make neighbours fit one another, and every place ends in one of the characters.
// z: [batch, latent] float32, N(0,1); the result: [batch, Steps, 1, Vocabulary], one-hot. While training the characters
// are drawn (GumbelSoftmax at temperature 1, StraightThrough); otherwise each is the likeliest.
//
// It is the language model of Gulrajani et al., "Improved training of Wasserstein GANs", 2017, arXiv:1704.00028, with
// fewer and narrower blocks, and it trains with that paper's gradient penalty. The paper shows the critic the
// probabilities themselves. Drawn characters learned to spell sooner.
func (t Text) Generator(scope *model.Scope, z *Node) *Node {
	x := Reshape(Dense(scope.In("dense"), t.plan(scope, z), t.Steps*t.width()), -1, t.Steps, t.width())
	logits := Conv1D(scope.In("output"), residualBlocks(scope, x), t.Vocabulary, 1)
	return InsertAxes(StraightThrough(GumbelSoftmax(scope, MulScalar(logits, t.certainty()), 1)), 2)
}

// plan is what the whole text has in common: dense layers with LeakyReLU(0.2) of z.
func (t Text) plan(scope *model.Scope, z *Node) *Node {
	if t.Plan == 0 {
		return z
	}
	for layer := range planLayers {
		z = LeakyReLU(Dense(scope.In("plan_%d", layer), z, t.Plan), leak)
	}
	return z
}

// Critic is a critic of texts, the mirror image of Generator: every character's features, residual blocks of convolutions
// over time, and one logit of all of them. x: [batch, T, 1, vocabulary], one-hot or probabilities; the result: [batch, 1],
// unbounded.
func (t Text) Critic(scope *model.Scope, x *Node) *Node {
	requireSequence("TextCritic", x)
	x = residualBlocks(scope, Conv1D(scope.In("input"), Squeeze(x, 2), t.width(), 1))
	return Dense(scope.In("logit"), Flatten(x), 1)
}

// residualBlocks adds to x, [batch, T, width], what two convolutions make of it, and does so again.
func residualBlocks(scope *model.Scope, x *Node) *Node {
	width := x.Shape().Dim(-1)
	for block := range textBlocks {
		change := Conv1D(scope.In("block_%d_in", block), ReLU(x), width, textWindow)
		change = Conv1D(scope.In("block_%d_out", block), ReLU(change), width, textWindow)
		x = Add(x, MulScalar(change, residualScale))
	}
	return x
}
