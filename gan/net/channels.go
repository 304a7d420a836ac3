package net

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Channels are those from first to before end of x's last axis. Unlike a slice by GoMLX, whose gradient has none of its own, it can be
// differentiated any number of times.
func Channels(x *Node, first, end int) *Node {
	all := x.Shape().Dim(-1)
	if first < 0 || first >= end || end > all {
		panic(fmt.Errorf("%s has no channels %d to %d", x.Shape(), first, end-1))
	}
	return WithAdjoints(Slice(x, AxisRange().Spacer(), AxisRange(first, end)),
		LinearIn{x, func(y *Node) *Node { return amongChannels(y, first, all) }})
}

// amongChannels puts y among zeros, [..., all], from channel first on: the adjoint of Channels.
func amongChannels(y *Node, first, all int) *Node {
	zeros := func(n int) *Node {
		shape := y.Shape().Clone()
		shape.Dimensions[shape.Rank()-1] = n
		return Zeros(y.Graph(), shape)
	}
	end := first + y.Shape().Dim(-1)
	parts := []*Node{y}
	if first > 0 {
		parts = append([]*Node{zeros(first)}, parts...)
	}
	if end < all {
		parts = append(parts, zeros(all-end))
	}
	return WithAdjoints(Concatenate(parts, -1), LinearIn{y, func(x *Node) *Node { return Channels(x, first, end) }})
}
