package net

import (
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// MaxPool2 keeps the largest value of each 2×2 window, stride 2; an odd last row or column is dropped, as Keras and
// PyTorch do. x: [batch, height, width, channels]. Where values tie, as on a constant background, the first one in
// reading order has the gradient, as in PyTorch.
//
// On XLA's CPU backend, where x is Conv2D's result or an activation of it, the layers are computed together, which is faster
// and the same; otherwise it compares slices. Elsewhere it reshapes the image into windows and reduces: XLA's own pooling has a
// gradient (select-and-scatter) that is three times slower on the CPU, and GoMLX's Go backend has none at all.
func MaxPool2(x *Node) *Node {
	if of, found := notes(x.Graph())[x]; found && onCPU(x) {
		return of.block()
	}
	s := x.Shape()
	t := tilesOf(s.Dim(0), s.Dim(1), s.Dim(2), s.Dim(3))
	if !onCPU(x) {
		windows := Reshape(crop(x, 2*t.high, 2*t.wide), t.batch, t.high, 2, t.wide, 2, t.channels)
		return ReduceMax(IdentityWithCustomGradient(windows, toFirstLargest), 2, 4)
	}
	var corners [4]*Node
	for place := range corners {
		corners[place] = t.corner(x, place)
	}
	largest, place := firstLargest(corners)
	place = StopGradient(once(place))
	return WithAdjoints(largest, LinearIn{x, func(gradient *Node) *Node {
		return t.spread(gradient, place, s.Dim(1), s.Dim(2))
	}})
}

// toFirstLargest corrects the gradient that ReduceMax sends to its windows ([batch, height, 2, width, 2, channels]):
// each of several largest values gets the whole, and only the first one in reading order keeps it here.
func toFirstLargest(windows, gradient *Node) *Node {
	inWindow := func(reduce func(*Node, ...int) *Node, x *Node) *Node {
		return BroadcastToShape(ReduceAndKeep(x, reduce, 2, 4), x.Shape())
	}
	g, shape := windows.Graph(), windows.Shape()
	place := Add(MulScalar(Iota(g, shape, 2), 2), Iota(g, shape, 4))
	candidates := Where(Equal(windows, inWindow(ReduceMax, windows)), place, Scalar(g, shape.DType, 4))
	first := Equal(place, inWindow(ReduceMin, candidates))
	return Where(first, gradient, ScalarZero(g, shape.DType))
}

// tiles are the 2×2 windows of images, high·wide in each: [batch, high, wide, channels].
type tiles struct{ batch, high, wide, channels int }

// tilesOf are those of images of height×width; an odd last row or column has none.
func tilesOf(batch, height, width, channels int) tiles {
	return tiles{batch, height / 2, width / 2, channels}
}

func (t tiles) count() int  { return t.batch * t.high * t.wide }
func (t tiles) dims() []int { return []int{t.batch, t.high, t.wide, t.channels} }

// pixels is every second pixel of x, one for each tile, from a row and a column on.
func (t tiles) pixels(x *Node, row, column int) *Node {
	return Slice(x, AxisRange(), AxisRange(row, row+2*t.high-1).Stride(2), AxisRange(column, column+2*t.wide-1).Stride(2))
}

// corner is one of the four pixels of each tile, in reading order.
func (t tiles) corner(x *Node, place int) *Node { return t.pixels(x, place/2, place%2) }

// spread puts values, one per tile, at the given places, 0 to 3, among zeros; at any other place they are lost.
func (t tiles) spread(values, place *Node, height, width int) *Node {
	g, dtype := values.Graph(), values.DType()
	shape := shapes.Make(dtype, t.batch, t.high, 2, t.wide, 2, t.channels)
	here := Add(MulScalar(Iota(g, shape, 2), 2), Iota(g, shape, 4))
	each := func(x *Node) *Node {
		return BroadcastToShape(Reshape(x, t.batch, t.high, 1, t.wide, 1, t.channels), shape)
	}
	x := Where(Equal(here, each(place)), each(values), ScalarZero(g, dtype))
	return zeroExtend(Reshape(x, t.batch, 2*t.high, 2*t.wide, t.channels), height, width)
}

// joined undoes corner, for all four of them.
func (t tiles) joined(corners [4]*Node) *Node {
	row := func(left, right *Node) *Node {
		return Reshape(Stack([]*Node{left, right}, 3), t.batch, t.high, 1, 2*t.wide, t.channels)
	}
	x := Concatenate([]*Node{row(corners[0], corners[1]), row(corners[2], corners[3])}, 2)
	return Reshape(x, t.batch, 2*t.high, 2*t.wide, t.channels)
}

// firstLargest is the largest of four, and which of them is the first to be it, 0 to 3. It compares them in pairs: an
// equality would be wrong everywhere, and not only at near-ties, if the compiler rounded a number that it computes twice
// in two ways.
func firstLargest(of [4]*Node) (largest, place *Node) {
	c := func(value int) *Node { return Scalar(of[0].Graph(), of[0].DType(), value) }
	above, below := Max(of[0], of[1]), Max(of[2], of[3])
	place = Where(GreaterThan(below, above),
		Where(GreaterThan(of[3], of[2]), c(3), c(2)),
		Where(GreaterThan(of[1], of[0]), c(1), c(0)))
	return Max(above, below), place
}
