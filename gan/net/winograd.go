package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Winograd's convolution F(2×2, 3×3) (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016,
// arXiv:1509.09308): a tile of 2×2 outputs takes 16 products for each pair of channels instead of 36,
//
//	Y = Aᵀ [ (G K Gᵀ) ⊙ (Bᵀ X B) ] A
//
// with 4×4 pixels X, a 3×3 kernel K and outputs Y. For all tiles and channels the products are 16 matrix products.

// winogradInput is Bᵀ, winogradKernel G and winogradOutput Aᵀ.
func winogradInput() [4][4]float32 {
	return [4][4]float32{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}
}

func winogradKernel() [4][3]float32 {
	return [4][3]float32{{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}}
}

func winogradOutput() [2][4]float32 { return [2][4]float32{{1, 1, 1, 0}, {0, 1, -1, -1}} }

// products are the 16 products of each tile, [16, tiles, out], of the convolution of x, [batch, 2·high+2, 2·wide+2, in], with
// a kernel, [3, 3, in, out].
func (t tiles) products(x, kernel *Node) *Node {
	in, out := kernel.Shape().Dim(2), kernel.Shape().Dim(3)
	k := winogradKernel()
	matrix := make([][]float32, 16)
	for i := range matrix {
		for j := range 9 {
			matrix[i] = append(matrix[i], k[i/4][j/3]*k[i%4][j%3])
		}
	}
	kernels := MatMul(ConvertDType(Const(x.Graph(), matrix), x.DType()), Reshape(kernel, 9, in*out))
	return multiplied(tiles{t.batch, t.high, t.wide, in}.transformed(x), Reshape(kernels, 16, in, out))
}

// multiplied is x·kernel for each of 16, x: [16, tiles, in]; kernel: [16, in, out]. As with a convolution, it and its two
// adjoints have each other as theirs.
func multiplied(x, kernel *Node) *Node {
	return WithAdjoints(DotGeneral(x, []int{2}, []int{0}, kernel, []int{1}, []int{0}),
		LinearIn{x, func(y *Node) *Node { return multipliedBack(y, kernel) }},
		LinearIn{kernel, func(y *Node) *Node { return multipliedAcross(x, y) }})
}

func multipliedBack(y, kernel *Node) *Node {
	return WithAdjoints(DotGeneral(y, []int{2}, []int{0}, kernel, []int{2}, []int{0}),
		LinearIn{y, func(x *Node) *Node { return multiplied(x, kernel) }},
		LinearIn{kernel, func(x *Node) *Node { return multipliedAcross(x, y) }})
}

func multipliedAcross(x, y *Node) *Node {
	return WithAdjoints(DotGeneral(x, []int{1}, []int{0}, y, []int{1}, []int{0}),
		LinearIn{x, func(kernel *Node) *Node { return multipliedBack(y, kernel) }},
		LinearIn{y, func(kernel *Node) *Node { return multiplied(x, kernel) }})
}

// transformed is Bᵀ X B of each tile, [16, tiles, channels]: a sum over the 16 pixels of a tile with a table of coefficients
// for each. Most are zero, but joining 16 shorter sums would copy them all.
func (t tiles) transformed(x *Node) *Node {
	height, width := x.Shape().Dim(1), x.Shape().Dim(2)
	b := winogradInput()
	var sum *Node
	for pixel := range 16 {
		row, column := pixel/4, pixel%4
		table := make([]float32, 16)
		for k := range table {
			table[k] = b[k/4][row] * b[k%4][column]
		}
		term := scaled(t.pixels(x, row, column), table)
		if sum == nil {
			sum = term
		} else {
			sum = Add(sum, term)
		}
	}
	return WithAdjoints(Reshape(sum, 16, t.count(), t.channels),
		LinearIn{x, func(y *Node) *Node { return t.transformedBack(y, height, width) }})
}

// scaled is x by each number of a table, along a new first axis.
func scaled(x *Node, table []float32) *Node {
	dims := append([]int{len(table)}, x.Shape().Dimensions...)
	factors := ConvertDType(Const(x.Graph(), table), x.DType())
	for range x.Rank() {
		factors = InsertAxes(factors, -1)
	}
	return Mul(BroadcastToDims(factors, dims...), BroadcastToDims(InsertAxes(x, 0), dims...))
}

// transformedBack is the adjoint of transformed: it adds up B Y Bᵀ of the tiles, which overlap.
func (t tiles) transformedBack(y *Node, height, width int) *Node {
	// Along one axis a tile gives y₀ and y₁-y₂+y₃ to its own two pixels, and y₁+y₂-y₀ and -y₃ to the next tile's.
	along := func(y [4]*Node, axis int) (even, odd *Node) {
		return overlapped(y[0], Sub(Add(y[1], y[2]), y[0]), axis), overlapped(Add(Sub(y[1], y[2]), y[3]), Neg(y[3]), axis)
	}
	var rows [2][4]*Node
	for j := range 4 {
		var column [4]*Node
		for i := range column {
			column[i] = Reshape(Slice(y, AxisElem(4*i+j)), t.dims()...)
		}
		rows[0][j], rows[1][j] = along(column, 1)
	}
	var corners [4]*Node
	corners[0], corners[1] = along(rows[0], 2)
	corners[2], corners[3] = along(rows[1], 2)
	x := zeroExtend(tiles{t.batch, t.high + 1, t.wide + 1, t.channels}.joined(corners), height, width)
	return once(WithAdjoints(x, LinearIn{y, t.transformed}))
}

// tileOutput is one of the four outputs of each tile. products: [16, tiles, out].
func tileOutput(products *Node, place int) *Node {
	a := winogradOutput()
	var sum *Node
	for k := range 16 {
		product := Reshape(Slice(products, AxisElem(k)), products.Shape().Dim(1), products.Shape().Dim(2))
		switch coefficient := a[place/2][k/4] * a[place%2][k%4]; {
		case coefficient == 0:
		case sum == nil: // the first is 1
			sum = product
		case coefficient > 0:
			sum = Add(sum, product)
		default:
			sum = Sub(sum, product)
		}
	}
	return sum
}

// tileOutputAdjoint is the adjoint of the outputs at the given places; at any other place the gradient is lost.
// gradient, place: [tiles, out].
func tileOutputAdjoint(gradient, place *Node) *Node {
	a, g := winogradOutput(), gradient.Graph()
	dims := append([]int{16}, gradient.Shape().Dimensions...)
	places := BroadcastToDims(InsertAxes(place, 0), dims...)
	factors := BroadcastToDims(ScalarZero(g, gradient.DType()), dims...)
	for p := range 4 {
		table := make([]float32, 16)
		for k := range table {
			table[k] = a[p/2][k/4] * a[p%2][k%4]
		}
		of := BroadcastToDims(ConvertDType(Reshape(Const(g, table), 16, 1, 1), gradient.DType()), dims...)
		factors = Where(Equal(places, Scalar(g, place.DType(), p)), of, factors)
	}
	return Mul(factors, BroadcastToDims(InsertAxes(gradient, 0), dims...))
}
