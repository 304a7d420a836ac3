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
	none := noState("LSTM", x, hidden)
	m := memory{none, none}
	return overTime(x, func(x *Node) *Node {
		m = m.next(Dense(scope, join(1, x, m.state), 4*hidden))
		return m.state
	})
}

// memory is what an LSTM has between two steps, each [batch, hidden].
type memory struct{ state, cell *Node }

// next is the memory after a step; gates: [batch, 4·hidden], [i f g o] of LSTM.
func (m memory) next(gates *Node) memory {
	hidden := m.state.Shape().Dim(1)
	gate := func(k int) *Node { return interval(gates, 1, k*hidden, hidden) }
	keep, write := Sigmoid(AddScalar(gate(1), 1)), Sigmoid(gate(0))
	cell := Add(Mul(keep, m.cell), Mul(write, Tanh(gate(2))))
	return memory{Mul(Sigmoid(gate(3)), Tanh(cell)), cell}
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
