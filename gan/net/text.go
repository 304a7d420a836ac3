package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// The residual blocks of the text networks.
const (
	textBlocks = 2
	textWindow = 5 // characters that a convolution sees at once

	residualScale = 0.3 // of what a block adds
)

// Text is a pair of networks for texts. Its methods are networks: a recipe takes
// net.Text{Steps: 16, Vocabulary: 27}.Generator and net.Text{}.Critic.
type Text struct {
	Steps      int // characters of the generator's texts
	Vocabulary int // how many characters the generator knows
	Width      int // features of every place in a text; default 64
}

func (t Text) width() int { return orDefault(t.Width, 64) }

// Generator is a generator of texts: a dense layer makes features of every place in the text, residual blocks of
// convolutions over time make neighbours fit one another, and every place ends in one of the characters.
// z: [batch, latent] float32, N(0,1); the result: [batch, Steps, 1, Vocabulary], one-hot. While training the characters
// are drawn (GumbelSoftmax at temperature 1, StraightThrough); otherwise each is the likeliest.
//
// It is the language model of Gulrajani et al., "Improved training of Wasserstein GANs", 2017, arXiv:1704.00028, with
// fewer and narrower blocks, and it trains with that paper's gradient penalty. The paper shows the critic the
// probabilities themselves. Drawn characters learned to spell sooner.
func (t Text) Generator(scope *model.Scope, z *Node) *Node {
	x := Reshape(Dense(scope.In("dense"), z, t.Steps*t.width()), -1, t.Steps, t.width())
	logits := Conv1D(scope.In("output"), residualBlocks(scope, x), t.Vocabulary, 1)
	return InsertAxes(StraightThrough(GumbelSoftmax(scope, logits, 1)), 2)
}

// Critic is a critic of texts, the mirror image of Generator: every character's features, residual blocks of convolutions
// over time, and one logit of all of them. x: [batch, T, 1, vocabulary], one-hot or probabilities; the result: [batch, 1],
// unbounded.
func (t Text) Critic(scope *model.Scope, x *Node) *Node {
	requireSequence("TextCritic", x)
	x = residualBlocks(scope, Conv1D(scope.In("input"), Squeeze(x, 2), t.width(), 1))
	return Dense(scope.In("logit"), Flatten(x), 1)
}

// TextGenerator is Text' Generator.
func TextGenerator(steps, vocabulary, width int) func(scope *model.Scope, z *Node) *Node {
	return Text{Steps: steps, Vocabulary: vocabulary, Width: width}.Generator
}

// TextCritic is Text' Critic.
func TextCritic(width int) func(scope *model.Scope, x *Node) *Node {
	return Text{Width: width}.Critic
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
