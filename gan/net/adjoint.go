package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// LinearIn is an operand of an operation that is linear in it: Adjoint maps the gradient by the operation's result to the gradient by
// the operand.
type LinearIn struct {
	Operand *Node
	Adjoint func(gradient *Node) *Node
}

// WithAdjoints returns result, a value computed from the operands, with the gradients that their adjoints give in place
// of those of the operations it was computed by. Those may then be any: padding and reversal, for which GoMLX 0.28.2
// has no gradient, and its convolutions, whose own gradient cannot be differentiated again. Where the adjoints are made
// by WithAdjoints too, the result can be differentiated any number of times: so is every layer of this package that GoMLX alone could
// not differentiate twice, and so can be one of your own.
//
// GoMLX lets a node replace its gradient only where input and output have one shape (IdentityWithCustomGradient). So
// result is joined to the operands by a path that Gradient follows and that computes nothing (a choice whose condition
// is false, which XLA removes): its end takes down the gradient by the result, and its beginnings, reached later in the
// same pass, put the adjoints in.
func WithAdjoints(result *Node, operands ...LinearIn) *Node {
	g := result.Graph()
	var gradient *Node
	path := ScalarZero(g, result.DType())
	for _, in := range operands {
		begin := IdentityWithCustomGradient(in.Operand, func(_, _ *Node) *Node { return in.Adjoint(gradient) })
		path = Add(path, First(begin))
	}
	joined := Where(Const(g, false), path, StopGradient(result))
	return IdentityWithCustomGradient(joined, func(_, v *Node) *Node {
		gradient = v
		return v
	})
}
