package net

import (
	"path/filepath"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// What XLA's CPU backend is slow at, and what does the same here. It makes one loop of a chain of elementwise operations, and
// that is fast as long as the loop reads its operands in order and does not branch. But
//
//   - a value with several readers is computed by each of them, with all that it is made of: see once;
//   - a sum over leading axes runs through its operand number by number, once for each that remains: see columnSum;
//   - a sum over all axes of a sample runs number by number, too: see sumOver;
//   - padding within a loop is a branch for each number: see zeroExtend and overlapped;
//   - a product with a single column is no matrix product: see oneColumn.
//
// Everywhere else, on a GPU and on the Go backend, the plain operations are used.

// OnCPU tells whether x is computed by XLA's CPU backend and is float32 or float64: whether graphs are written as it likes them.
func OnCPU(x *Node) bool { return onCPU(x) }

// onCPU tells whether x is computed by XLA's CPU backend, in a type whose products are exact enough to stand for sums.
func onCPU(x *Node) bool {
	plugin, is := x.Graph().Backend().(interface{ PluginName() string })
	exact := x.DType() == dtypes.Float32 || x.DType() == dtypes.Float64
	return is && exact && strings.Contains(filepath.Base(plugin.PluginName()), "cpu")
}

// once returns x, computed once for all of its readers.
func once(x *Node) *Node { return Once(x, First(x)) }

// Once returns x, computed once and written down for all of its readers; XLA's CPU backend repeats what it takes for cheap in
// each loop that reads it. It divides x by a one that XLA does not see to be one: it repeats no division, and this one is
// exact. scalar is what the one is made of; where x is to be written over what it is made of, one from outside of it.
func Once(x, scalar *Node) *Node {
	if !onCPU(x) {
		return x
	}
	one := Sign(AddScalar(Square(scalar), 1))
	return WithAdjoints(Div(x, one), LinearIn{x, func(gradient *Node) *Node { return gradient }})
}

// First is the first number of x, a scalar.
func First(x *Node) *Node {
	first := make([]SliceAxisSpec, x.Rank())
	for axis := range first {
		first[axis] = AxisElem(0)
	}
	return Reshape(Slice(x, first...))
}

// columnSum sums x over all axes but the last: [..., features] to [features].
func columnSum(x *Node) *Node {
	dims := x.Shape().Dimensions
	rows := Reshape(x, -1, dims[len(dims)-1])
	const few = 256 // rows are as fast to be added one by one
	var sum *Node
	if n := rows.Shape().Dim(0); onCPU(x) && n >= few {
		ones := BroadcastToDims(Scalar(x.Graph(), x.DType(), 1), 8, n) // of one row it would make no matrix product
		sum = Reshape(Slice(MatMul(ones, rows), AxisElem(0)), -1)
	} else {
		sum = ReduceSum(rows, 0)
	}
	return WithAdjoints(sum, LinearIn{x, func(gradient *Node) *Node { return repeated(gradient, dims) }})
}

// columnMean is the mean of the rows of x, [rows, features].
func columnMean(x *Node) *Node {
	if !onCPU(x) {
		return ReduceMean(x, 0)
	}
	return MulScalar(columnSum(x), 1/float64(x.Shape().Dim(0)))
}

// repeated gives v, [features], to each row of dims; it is the adjoint of columnSum. Off the CPU that is left to the operation that
// reads it.
func repeated(v *Node, dims []int) *Node {
	if !onCPU(v) {
		return ExpandLeftToRank(v, len(dims))
	}
	return WithAdjoints(BroadcastToDims(ExpandLeftToRank(v, len(dims)), dims...), LinearIn{v, columnSum})
}

// sumOver sums x, [batch, …], over axes of its samples, which it keeps with length one. Rows of images are added up first, a whole slice at once.
func sumOver(x *Node, axes []int) *Node {
	if !onCPU(x) || x.Rank() == 2 {
		return ReduceAndKeep(x, ReduceSum, axes...)
	}
	dims := x.Shape().Dimensions
	slices := min(dims[1], 8)
	for dims[1]%slices != 0 {
		slices--
	}
	rows := func(i int) *Node { return SliceAxis(x, 1, AxisRange(i*dims[1]/slices, (i+1)*dims[1]/slices)) }
	sum := rows(0)
	for i := 1; i < slices; i++ {
		sum = Add(sum, rows(i))
	}
	return WithAdjoints(ReduceAndKeep(sum, ReduceSum, axes...), LinearIn{x, func(gradient *Node) *Node { return spreadOver(gradient, dims, axes) }})
}

// meanOver is the mean of x over axes of its samples, which it keeps with length one.
func meanOver(x *Node, axes []int) *Node {
	n := 1
	for _, axis := range axes {
		n *= x.Shape().Dim(axis)
	}
	return MulScalar(sumOver(x, axes), 1/float64(n))
}

// spreadOver gives v, a value of each sample that sumOver made, to all of dims; it is the adjoint of sumOver. Where that is a plain sum, it is left to the
// operation that reads v.
func spreadOver(v *Node, dims, axes []int) *Node {
	if !onCPU(v) || v.Rank() == 2 {
		return v
	}
	return WithAdjoints(BroadcastToDims(v, dims...), LinearIn{v, func(gradient *Node) *Node { return sumOver(gradient, axes) }})
}

// oneColumn is MatMul(x, w) for w of one column, [n, 1].
func oneColumn(x, w *Node) *Node {
	zeros := BroadcastToDims(ScalarZero(w.Graph(), w.DType()), w.Shape().Dim(0), 7)
	y := Slice(MatMul(x, Concatenate([]*Node{w, zeros}, 1)), AxisRange(), AxisRange(0, 1))
	return WithAdjoints(y,
		LinearIn{x, func(gradient *Node) *Node { return MatMul(gradient, TransposeAllAxes(w, 1, 0)) }},
		LinearIn{w, func(gradient *Node) *Node { return MatMul(TransposeAllAxes(x, 1, 0), gradient) }})
}

// zeroExtend adds rows and columns of zeros after those of x, [batch, height, width, channels].
func zeroExtend(x *Node, height, width int) *Node {
	s := x.Shape()
	zeros := func(h, w int) *Node {
		return BroadcastToDims(ScalarZero(x.Graph(), x.DType()), s.Dim(0), h, w, s.Dim(3))
	}
	if missing := width - s.Dim(2); missing > 0 {
		x = Concatenate([]*Node{x, zeros(s.Dim(1), missing)}, 2)
	}
	if missing := height - s.Dim(1); missing > 0 {
		x = Concatenate([]*Node{x, zeros(missing, width)}, 1)
	}
	return x
}

// overlapped adds b, shifted by one along axis, to a, both of length n there: a₀, a₁+b₀, …, b₍ₙ₋₁₎, of length n+1.
func overlapped(a, b *Node, axis int) *Node {
	n := a.Shape().Dim(axis)
	if n == 1 {
		return Concatenate([]*Node{a, b}, axis)
	}
	part := func(x *Node, from, to int) *Node { return SliceAxis(x, axis, AxisRange(from, to)) }
	return Concatenate([]*Node{part(a, 0, 1), Add(part(a, 1, n), part(b, 0, n-1)), part(b, n-1, n)}, axis)
}
