package net

import (
	"fmt"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// LSTM runs a long short-term memory over a sequence and returns its state after every step. x: [batch, T, in]; the
// result: [batch, T, hidden], in (-1, 1). From h₀ = c₀ = 0, with σ(a) = 1/(1+e⁻ᵃ) and ⊙ the product of elements:
//
//	[i f g o] = [x_t h_{t-1}]·W + b
//	c_t = σ(f + 1) ⊙ c_{t-1} + σ(i) ⊙ tanh(g)
//	h_t = σ(o) ⊙ tanh(c_t)
//
// W ("weights": [in+hidden, 4·hidden]) starts Glorot uniform and b ("biases") zero. The 1 that is added to f keeps most
// of the memory from the first step of training on (Jozefowicz et al., 2015). The loop over T is unrolled in the graph,
// so that it can be differentiated any number of times, and the time to compile grows with T.
//
// Hochreiter and Schmidhuber, "Long short-term memory", 1997; with the forget gate of Gers et al., 2000.
func LSTM(scope *model.Scope, x *Node, hidden int) *Node {
	h := noState("LSTM", x, hidden)
	c := h
	return overTime(x, func(x *Node) *Node {
		gates := Dense(scope, join(1, x, h), 4*hidden)
		gate := func(k int) *Node { return interval(gates, 1, k*hidden, hidden) }
		keep, write := Sigmoid(AddScalar(gate(1), 1)), Sigmoid(gate(0))
		c = Add(Mul(keep, c), Mul(write, Tanh(gate(2))))
		h = Mul(Sigmoid(gate(3)), Tanh(c))
		return h
	})
}

// GRU runs a gated recurrent unit over a sequence and returns its state after every step. x: [batch, T, in]; the
// result: [batch, T, hidden], in (-1, 1). From h₀ = 0, with σ and ⊙ as in LSTM:
//
//	[r u] = σ([x_t h_{t-1}]·W + b)
//	n = tanh([x_t r⊙h_{t-1}]·V + d)
//	h_t = u ⊙ h_{t-1} + (1-u) ⊙ n
//
// W, b ("gates": [in+hidden, 2·hidden]) and V, d ("candidate": [in+hidden, hidden]) start as in Dense. It has three
// quarters of the weights of an LSTM and is unrolled in the same way.
//
// Cho et al., "Learning phrase representations using RNN encoder–decoder for statistical machine translation", 2014,
// arXiv:1406.1078.
func GRU(scope *model.Scope, x *Node, hidden int) *Node {
	h := noState("GRU", x, hidden)
	gatesScope, candidateScope := scope.In("gates"), scope.In("candidate")
	return overTime(x, func(x *Node) *Node {
		gates := Sigmoid(Dense(gatesScope, join(1, x, h), 2*hidden))
		reset, keep := interval(gates, 1, 0, hidden), interval(gates, 1, hidden, hidden)
		candidate := Tanh(Dense(candidateScope, join(1, x, Mul(reset, h)), hidden))
		h = Add(Mul(keep, h), Mul(OneMinus(keep), candidate))
		return h
	})
}

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
	states := LSTM(scope.In("lstm"), withTime(z, s.Steps/frame), s.Hidden)
	series := Dense(scope.In("output"), Reshape(states, -1, s.Hidden), frame*s.Channels)
	return Reshape(series, z.Shape().Dim(0), s.Steps, 1, s.Channels)
}

// Critic is a recurrent critic of time series: an LSTM reads the series, four samples at a step, and the logit is linear in
// the mean of its states, so that every step counts and the gradient has a short way to each. x: [batch, T, 1, channels], T
// a multiple of 4; the result: [batch, 1], unbounded.
func (s Sequence) Critic(scope *model.Scope, x *Node) *Node {
	s = s.withDefaults()
	states := LSTM(scope.In("lstm"), byFrames("SequenceCritic", x), s.Hidden)
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

// overTime calls step for every [batch, in] of x, [batch, T, in], in order and returns the results as one
// [batch, T, out].
func overTime(x *Node, step func(x *Node) *Node) *Node {
	batch, in := x.Shape().Dim(0), x.Shape().Dim(2)
	states := make([]*Node, x.Shape().Dim(1))
	for t := range states {
		states[t] = InsertAxes(step(Reshape(interval(x, 1, t, 1), batch, in)), 1)
	}
	return join(1, states...)
}

// noState is the state before the first step, zeros [batch, hidden].
func noState(layer string, x *Node, hidden int) *Node {
	if x.Rank() != 3 {
		panic(fmt.Errorf("%s needs sequences [batch, T, features], not %s", layer, x.Shape()))
	}
	return Zeros(x.Graph(), shapes.Make(x.DType(), x.Shape().Dim(0), hidden))
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

// requireSequence panics unless x has the shape of sequences as networks see them, [batch, T, 1, features].
func requireSequence(network string, x *Node) {
	if x.Rank() != 4 || x.Shape().Dim(2) != 1 {
		panic(fmt.Errorf("%s needs sequences [batch, T, 1, features], not %s", network, x.Shape()))
	}
}

// join is Concatenate, as the adjoint of interval.
func join(axis int, parts ...*Node) *Node {
	operands, start := make([]linearIn, len(parts)), 0
	for i, part := range parts {
		from, size := start, part.Shape().Dim(axis)
		operands[i] = linearIn{part, func(y *Node) *Node { return interval(y, axis, from, size) }}
		start += size
	}
	return withAdjoints(Concatenate(parts, axis), operands...)
}

// interval is the part [start, start+size) of an axis of x.
func interval(x *Node, axis, start, size int) *Node {
	part := make([]SliceAxisSpec, x.Rank())
	for i := range part {
		part[i] = AxisRange()
	}
	part[axis] = AxisRange(start, start+size)
	whole := x.Shape().Dim(axis)
	return withAdjoints(Slice(x, part...), linearIn{x, func(y *Node) *Node { return surround(y, axis, start, whole) }})
}

// surround is the adjoint of interval: it puts y in the place [start, …) of an axis of size whole, among zeros.
func surround(y *Node, axis, start, whole int) *Node {
	size := y.Shape().Dim(axis)
	zeros := make([]PadAxis, y.Rank())
	zeros[axis] = PadAxis{Start: start, End: whole - start - size}
	return withAdjoints(Pad(y, ScalarZero(y.Graph(), y.DType()), zeros...),
		linearIn{y, func(x *Node) *Node { return interval(x, axis, start, size) }})
}
