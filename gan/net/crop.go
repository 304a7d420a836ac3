package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// crop keeps the first rows and columns of x, [batch, height, width, channels].
func crop(x *Node, rows, columns int) *Node {
	height, width := x.Shape().Dim(1), x.Shape().Dim(2)
	if height == rows && width == columns {
		return x
	}
	return WithAdjoints(Slice(x, AxisRange(), AxisRange(0, rows), AxisRange(0, columns)),
		LinearIn{x, func(y *Node) *Node { return uncrop(y, height, width) }})
}

// uncrop is the adjoint of crop: it adds rows and columns of zeros to y.
func uncrop(y *Node, height, width int) *Node {
	rows, columns := y.Shape().Dim(1), y.Shape().Dim(2)
	return WithAdjoints(zeroExtend(y, height, width),
		LinearIn{y, func(x *Node) *Node { return crop(x, rows, columns) }})
}
