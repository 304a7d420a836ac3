package net

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Rotated turns square images counterclockwise by a number of quarter turns, which may be negative. x: [batch, size, size, channels];
// the result has the same shape. It can be differentiated any number of times.
func Rotated(x *Node, quarters int) *Node {
	requireImages("Rotated", x)
	if x.Shape().Dim(1) != x.Shape().Dim(2) {
		panic(fmt.Errorf("Rotated needs square images, not %s", x.Shape()))
	}
	switch (quarters%4 + 4) % 4 {
	case 1: // the last column becomes the first row
		return transposed(mirror(x))
	case 2:
		return transposed(mirror(transposed(mirror(x))))
	case 3:
		return mirror(transposed(x))
	}
	return x
}

// transposed exchanges rows and columns.
func transposed(x *Node) *Node { return TransposeAllAxes(x, 0, 2, 1, 3) }
