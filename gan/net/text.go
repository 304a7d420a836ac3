package net

import (
	"cmp"
	"fmt"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

const (
	planLayers = 2
	mostTurns  = 16 // of a generator's LSTM: the time to compile one grows faster than they do

	textBlocks    = 2
	textWindow    = 5   // characters that a convolution sees at once
	residualScale = 0.3 // of what a block adds
)

// Text is a pair of networks for texts. Its methods are networks: a recipe takes
// net.Text{Steps: 16, Vocabulary: 27}.Generator and net.Text{}.Critic.
type Text struct {
	Steps      int // characters of the generator's texts
	Vocabulary int // how many characters the generator knows
	Hidden     int // units of the generator's state, and half of those of its layers that read z; default 128
	Width      int // the critic's features of every place in a text; default 64

	// Certainty is the factor of the generator's logits before characters are drawn from them; default 3. The surer the generator is,
	// the less depends on the draw of each character, and the more on z, which decides alone once it is trained.
	Certainty float64
}

func (t Text) withDefaults() Text {
	t.Hidden, t.Width, t.Certainty = orDefault(t.Hidden, 128), orDefault(t.Width, 64), cmp.Or(t.Certainty, 3)
	return t
}

// Generator is a generator of texts that writes from left to right: dense layers make a plan of z, and an LSTM, which is told
// the plan and what was written last at every turn, writes the next character, or, of a text of more than 16, as many of them that it
// is through in 16 turns. So a character fits those before it, also where z is between two texts.
// z: [batch, latent] float32, N(0,1); the result: [batch, Steps, 1, Vocabulary], one-hot. While training the characters
// are drawn (GumbelSoftmax at temperature 1, StraightThrough); otherwise each is the likeliest.
//
// Kusner and Hernández-Lobato, "GANs for sequences of discrete elements with the Gumbel-softmax distribution", 2016,
// arXiv:1611.04051, whose generator is an LSTM too.
func (t Text) Generator(scope *model.Scope, z *Node) *Node {
	t = t.withDefaults()
	if t.Steps < 1 || t.Vocabulary < 2 {
		panic(fmt.Errorf("TextGenerator needs steps and a vocabulary of at least 2, as in `text steps 16 vocabulary 23`, not %d and %d", t.Steps, t.Vocabulary))
	}
	batch, turns := z.Shape().Dim(0), min(t.Steps, mostTurns)
	each := (t.Steps + turns - 1) / turns
	turns = (t.Steps + each - 1) / each

	plan := z
	for layer := range planLayers {
		plan = LeakyReLU(Dense(scope.In("plan_%d", layer), plan, 2*t.Hidden), leak)
	}
	told := Dense(scope.In("told"), plan, 4*t.Hidden)
	m := memory{Tanh(Dense(scope.In("state"), plan, t.Hidden)), Dense(scope.In("cell"), plan, t.Hidden)}
	written := Zeros(z.Graph(), shapes.Make(z.DType(), batch, each*t.Vocabulary))
	writer, letters := scope.In("writer"), scope.In("letters")
	text := make([]*Node, turns)
	for turn := range text {
		m = m.next(Add(told, Dense(writer, join(1, written, m.state), 4*t.Hidden)))
		logits := Reshape(Dense(letters, m.state, each*t.Vocabulary), batch, each, t.Vocabulary)
		text[turn] = StraightThrough(GumbelSoftmax(scope, MulScalar(logits, t.Certainty), 1))
		written = Reshape(text[turn], batch, each*t.Vocabulary)
	}
	return InsertAxes(interval(join(1, text...), 1, 0, t.Steps), 2)
}

// Critic is a critic of texts: every character's features, residual blocks of convolutions over time, and one logit of all of
// them. x: [batch, T, 1, vocabulary], one-hot or probabilities; the result: [batch, 1], unbounded.
//
// It is the one of the language model of Gulrajani et al., "Improved training of Wasserstein GANs", 2017, arXiv:1704.00028, with
// fewer and narrower blocks.
func (t Text) Critic(scope *model.Scope, x *Node) *Node {
	t = t.withDefaults()
	requireSequence("TextCritic", x)
	x = residualBlocks(scope, Conv1D(scope.In("input"), Squeeze(x, 2), t.Width, 1))
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
