package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// join is Concatenate, as the adjoint of interval.
func join(axis int, parts ...*Node) *Node {
	operands, start := make([]LinearIn, len(parts)), 0
	for i, part := range parts {
		from, size := start, part.Shape().Dim(axis)
		operands[i] = LinearIn{part, func(y *Node) *Node { return interval(y, axis, from, size) }}
		start += size
	}
	return WithAdjoints(Concatenate(parts, axis), operands...)
}

// interval is the part [start, start+size) of an axis of x.
func interval(x *Node, axis, start, size int) *Node {
	part := make([]SliceAxisSpec, x.Rank())
	for i := range part {
		part[i] = AxisRange()
	}
	part[axis] = AxisRange(start, start+size)
	whole := x.Shape().Dim(axis)
	return WithAdjoints(Slice(x, part...), LinearIn{x, func(y *Node) *Node { return surround(y, axis, start, whole) }})
}

// surround is the adjoint of interval: it puts y in the place [start, …) of an axis of size whole, among zeros.
func surround(y *Node, axis, start, whole int) *Node {
	size := y.Shape().Dim(axis)
	zeros := make([]PadAxis, y.Rank())
	zeros[axis] = PadAxis{Start: start, End: whole - start - size}
	return WithAdjoints(Pad(y, ScalarZero(y.Graph(), y.DType()), zeros...),
		LinearIn{y, func(x *Node) *Node { return interval(x, axis, start, size) }})
}
