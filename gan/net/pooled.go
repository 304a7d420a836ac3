package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// A max-pool of an activation of a convolution is computed as one block: see block. The layers stay separate for who writes a
// network. Each notes on the graph what its result is made of, and MaxPool2, the last, takes it from there; what was
// built in between has no reader then, and is dropped by the compiler.

// affine is what Conv2D's result is made of, and an activation's of it: LeakyReLU(convolve(x, kernel) + biases), with a slope
// of 1 where there is no activation and 0 for ReLU.
type affine struct {
	window
	x, kernel, biases *Node
	slope             float64
}

// notesKey is where a graph keeps which of its nodes are affine.
type notesKey struct{}

func notes(g *Graph) map[*Node]affine {
	if of, found := g.State(notesKey{}).(map[*Node]affine); found {
		return of
	}
	of := map[*Node]affine{}
	g.AttachState(notesKey{}, of)
	return of
}

// noted notes what y is made of, and returns it.
func noted(y *Node, of affine) *Node {
	notes(y.Graph())[y] = of
	return y
}

// activated returns y, an activation of x with a slope, and notes it where x is a convolution.
func activated(y, x *Node, slope float64) *Node {
	if of, found := notes(x.Graph())[x]; found && of.slope == 1 {
		of.slope = slope
		return noted(y, of)
	}
	return y
}

// block is the max-pool of what a convolution made, as one computation. The bias is added and the slope applied after the
// maximum, which changes neither, so that both see a quarter of the numbers; pixels that no window of the pool looks at are
// not computed; and where the kernel is 3×3 and our own convolution is not there, which does so by itself, the convolution is Winograd's, whose tiles
// are the pool's windows. Which of four equal numbers is the first is told before the bias is added.
func (a affine) block() *Node {
	out := a.kernel.Shape().Dim(3)
	t := tilesOf(a.x.Shape().Dim(0), a.rows(), a.columns(), out)
	x, w := a.x, a.window
	if w.pad == 0 {
		x = crop(x, 2*t.high+w.size-1, 2*t.wide+w.size-1)
		w.height, w.width = x.Shape().Dim(1), x.Shape().Dim(2)
	}
	var corners [4]*Node
	var from *Node                               // what the corners are computed from
	var toFrom func(gradient, place *Node) *Node // the adjoint of their maximum, which was at place
	in := x.Shape().Dim(3)
	if w.size == 3 && w.pad == 0 && in > fewChannels && !ownConvolution(x) {
		from = t.products(x, a.kernel)
		for place := range corners {
			corners[place] = Reshape(tileOutput(from, place), t.dims()...)
		}
		toFrom = func(gradient, place *Node) *Node {
			return tileOutputAdjoint(Reshape(gradient, t.count(), out), Reshape(place, t.count(), out))
		}
	} else {
		from = w.convolve(x, a.kernel)
		for place := range corners {
			if in == 1 && w.pad == 0 {
				corners[place] = t.direct(x, a.kernel, place)
			} else {
				corners[place] = t.corner(from, place)
			}
		}
		toFrom = func(gradient, place *Node) *Node { return t.spread(gradient, place, w.rows(), w.columns()) }
	}

	largest, place := firstLargest(corners)
	y := Add(largest, ExpandLeftToRank(a.biases, 4))
	positive := GreaterThan(y, ScalarZero(y.Graph(), y.DType()))
	// What the gradient needs to know: the place, and 4 more where y is not positive.
	place = StopGradient(once(Where(positive, place, AddScalar(place, 4))))
	four := Scalar(y.Graph(), y.DType(), 4)
	sloped := func(gradient *Node) *Node {
		return Where(LessThan(place, four), gradient, MulScalar(gradient, a.slope))
	}
	return once(WithAdjoints(Where(positive, y, MulScalar(y, a.slope)),
		LinearIn{from, func(gradient *Node) *Node {
			if a.slope == 0 { // no place above 3 has a gradient
				return toFrom(gradient, place)
			}
			return toFrom(sloped(gradient), Where(LessThan(place, four), place, Sub(place, four)))
		}},
		LinearIn{a.biases, func(gradient *Node) *Node { return columnSum(sloped(gradient)) }}))
}

// direct is one corner of each tile of a convolution of few products, added up in one loop. x: [batch, height, width, 1].
func (t tiles) direct(x, kernel *Node, place int) *Node {
	size := kernel.Shape().Dim(0)
	var sum *Node
	for row := range size {
		for column := range size {
			weight := Reshape(Slice(kernel, AxisElem(row), AxisElem(column)), 1, 1, 1, t.channels)
			product := Mul(BroadcastToDims(t.pixels(x, place/2+row, place%2+column), t.dims()...), BroadcastToDims(weight, t.dims()...))
			if sum == nil {
				sum = product
			} else {
				sum = Add(sum, product)
			}
		}
	}
	return sum
}
