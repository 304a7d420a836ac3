package net

import (
	"fmt"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// frame is how many samples of a series one step of the recurrent networks writes or reads. The cost of an unrolled
// network, to compile as well as to run, is in its steps, and its gradient fades over them (the "reduction factor" of
// Wang et al., "Tacotron: towards end-to-end speech synthesis", 2017, arXiv:1703.10135).
const frame = 4

// Sequence is a family of networks for time series. Its methods are networks: a recipe takes net.Sequence{Steps: 32}.Generator
// and net.Sequence{}.ConvCritic.
type Sequence struct {
	Steps    int // of the generator's series, a multiple of 4
	Hidden   int // units of a recurrent state, and features of a convolution; default 64
	Channels int // of the generator's series; default 1

	Gated bool // the recurrent networks have GRU in the place of LSTM
}

func (s Sequence) withDefaults() Sequence {
	s.Hidden, s.Channels = orDefault(s.Hidden, 64), orDefault(s.Channels, 1)
	return s
}

// Generator is a recurrent generator of time series: an LSTM that is given the whole of z and the time at every step, and a
// dense layer that maps each of its states to the next four samples of every channel. z: [batch, latent] float32, N(0,1);
// the result: [batch, Steps, 1, Channels], unbounded, since a series needs not be bounded.
//
// The time runs from -1 to 1. Esteban, Hyland and Rätsch, "Real-valued (medical) time series generation with recurrent
// conditional GANs", 2017, arXiv:1706.02633, whose generator draws a new z at every step instead; one z for the whole
// series allows interpolation between series.
func (s Sequence) Generator(scope *model.Scope, z *Node) *Node {
	s = s.withDefaults()
	requireFrames("SequenceGenerator", s.Steps)
	states := s.recur(scope, withTime(z, s.Steps/frame))
	series := Dense(scope.In("output"), Reshape(states, -1, s.Hidden), frame*s.Channels)
	return Reshape(series, z.Shape().Dim(0), s.Steps, 1, s.Channels)
}

// recur reads a series of vectors, [batch, steps, features], and returns the states.
func (s Sequence) recur(scope *model.Scope, series *Node) *Node {
	if s.Gated {
		return GRU(scope.In("gru"), series, s.Hidden)
	}
	return LSTM(scope.In("lstm"), series, s.Hidden)
}

// Critic is a recurrent critic of time series: an LSTM reads the series, four samples at a step, and the logit is linear in
// the mean of its states, so that every step counts and the gradient has a short way to each. x: [batch, T, 1, channels], T
// a multiple of 4; the result: [batch, 1], unbounded.
func (s Sequence) Critic(scope *model.Scope, x *Node) *Node {
	s = s.withDefaults()
	states := s.recur(scope, byFrames("SequenceCritic", x))
	return Dense(scope.In("logit"), ReduceMean(states, 1), 1)
}

// ConvCritic is a critic of time series without recurrence: the four samples of each step become features, two convolutions
// over time with LeakyReLU(0.2) look at three steps each, and the logit is linear in all that they find. It compiles and
// runs faster than Critic, and a recurrent generator learns from it as well. x: [batch, T, 1, channels], T a multiple of 4;
// the result: [batch, 1], unbounded.
func (s Sequence) ConvCritic(scope *model.Scope, x *Node) *Node {
	s = s.withDefaults()
	features := byFrames("SequenceConvCritic", x)
	features = LeakyReLU(Conv1D(scope.In("conv_0"), features, s.Hidden, 3), leak)
	features = LeakyReLU(Conv1D(scope.In("conv_1"), features, s.Hidden, 3), leak)
	return Dense(scope.In("logit"), Flatten(features), 1)
}

// SequenceGenerator is Sequence's Generator, of a number of steps that is looked at at once.
func SequenceGenerator(steps, hidden, channels int) func(scope *model.Scope, z *Node) *Node {
	requireFrames("SequenceGenerator", steps)
	return Sequence{Steps: steps, Hidden: hidden, Channels: channels}.Generator
}

// SequenceCritic is Sequence's Critic.
func SequenceCritic(hidden int) func(scope *model.Scope, x *Node) *Node {
	return Sequence{Hidden: hidden}.Critic
}

// SequenceConvCritic is Sequence's ConvCritic; width is its Hidden.
func SequenceConvCritic(width int) func(scope *model.Scope, x *Node) *Node {
	return Sequence{Hidden: width}.ConvCritic
}

// byFrames makes each four samples of the series one step, [batch, T/4, 4·channels].
func byFrames(network string, x *Node) *Node {
	requireSequence(network, x)
	batch, steps, channels := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(3)
	requireFrames(network, steps)
	return Reshape(x, batch, steps/frame, frame*channels)
}

func requireFrames(network string, steps int) {
	if steps <= 0 || steps%frame != 0 {
		panic(fmt.Errorf("%s needs a number of steps that is a multiple of %d, not %d", network, frame, steps))
	}
}

// withTime repeats z, [batch, latent], at each of the given number of steps and appends the time, from -1 to 1:
// [batch, steps, latent+1].
func withTime(z *Node, steps int) *Node {
	batch, latent := z.Shape().Dim(0), z.Shape().Dim(1)
	repeated := BroadcastToDims(InsertAxes(z, 1), batch, steps, latent)
	time := Iota(z.Graph(), shapes.Make(z.DType(), batch, steps, 1), 1)
	time = AddScalar(MulScalar(time, 2/float64(max(steps-1, 1))), -1)
	return Concatenate([]*Node{repeated, time}, -1)
}
