package optim

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Norm is the Euclidean norm over all nodes, of which there is at least one, float32.
func Norm(nodes []*Node) *Node {
	const small = 8192 // these are put in a row first
	sum := ScalarZero(nodes[0].Graph(), dtypes.Float32)
	var row []*Node
	for _, x := range nodes {
		if x.Shape().Size() < small {
			row = append(row, Reshape(x, -1))
		} else {
			sum = Add(sum, sumOfSquares(x))
		}
	}
	if len(row) > 0 {
		sum = Add(sum, sumOfSquares(Concatenate(row, 0)))
	}
	return rootOf(sum)
}

// sumOfSquares adds up the parts of a large x first, element by element: XLA's CPU backend would write down all squares
// before it adds any.
func sumOfSquares(x *Node) *Node {
	const most, large = 32, 8192
	size := x.Shape().Size()
	if size < large {
		return ReduceAllSum(Square(x))
	}
	parts := most
	for size%parts != 0 {
		parts--
	}
	rows := Reshape(x, parts, size/parts)
	sum := Square(Slice(rows, AxisElem(0)))
	for part := 1; part < parts; part++ {
		sum = Add(sum, Square(Slice(rows, AxisElem(part))))
	}
	return ReduceAllSum(sum)
}

// rootOf is the square root with a finite slope at 0, for updates that are differentiated themselves.
func rootOf(x *Node) *Node { return Sqrt(AddScalar(x, 1e-30)) }
