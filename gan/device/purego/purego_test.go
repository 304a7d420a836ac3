package purego

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
)

func open(t testing.TB) *Backend {
	t.Helper()
	b, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// drawn is a tensor of numbers from N(0,1), of which a tenth are 0 and many are equal.
func drawn(seed uint64, dims ...int) *tensors.Tensor {
	r := rand.New(rand.NewPCG(seed, 1))
	flat := make([]float32, shapes.Make(dtypes.Float32, dims...).Size())
	for i := range flat {
		flat[i] = float32(math.Round(8*r.NormFloat64()) / 8)
	}
	return tensors.FromFlatDataAndDimensions(flat, dims...)
}

func run(t testing.TB, backend compute.Backend, f func(x []*Node) []*Node, in ...*tensors.Tensor) [][]float32 {
	t.Helper()
	exec, err := NewExec(backend, f)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	args := make([]any, len(in))
	for i, x := range in {
		clone, err := x.LocalClone()
		if err != nil {
			t.Fatal(err)
		}
		args[i] = clone
	}
	out, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]float32
	for _, x := range out {
		flat, err := tensors.CopyFlatData[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, flat)
	}
	return all
}

// TestAgainstGoMLX has each kind of operation computed here and by GoMLX's backend.
func TestAgainstGoMLX(t *testing.T) {
	reference, err := gobackend.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	number := func(x *Node) *Node { return ConvertDType(x, dtypes.Float32) }
	for name, test := range map[string]struct {
		f  func(x []*Node) []*Node
		in [][]int
	}{
		"elementwise": {func(x []*Node) []*Node {
			a, b := x[0], x[1]
			y := Add(Mul(a, b), Sub(Tanh(a), Div(b, AddScalar(Square(a), 1))))
			z := Where(GreaterThan(a, b), Max(y, b), Min(y, MulScalar(a, 0.2)))
			return []*Node{z, Exp(Neg(Abs(y))), Sqrt(Abs(z)), Log1p(Square(z)), Sigmoid(y), Sign(z), Rsqrt(AddScalar(Square(y), 1)),
				Floor(y), Ceil(y), Sin(a), Cos(b), Expm1(MulScalar(a, 0.1)), Log(AddScalar(Abs(a), 1))}
		}, [][]int{{7, 1500}, {7, 1500}}},
		"truth": {func(x []*Node) []*Node {
			a, b := x[0], x[1]
			less, equal := LessThan(a, b), Equal(a, b)
			return []*Node{number(LogicalOr(less, equal)), number(LogicalAnd(LogicalNot(less), NotEqual(a, b))),
				number(LogicalXor(less, GreaterOrEqual(a, b))), number(LessOrEqual(a, b))}
		}, [][]int{{3000}, {3000}}},
		"repeated": {func(x []*Node) []*Node {
			a, row, column := x[0], x[1], x[2]
			return []*Node{Add(a, BroadcastToShape(ExpandAxes(row, 0), a.Shape())), Mul(a, BroadcastToShape(column, a.Shape())),
				Add(BroadcastToShape(ExpandAxes(row, 0), a.Shape()), BroadcastToShape(column, a.Shape())), Mul(a, column),
				BroadcastToShape(column, a.Shape())}
		}, [][]int{{33, 65}, {65}, {33, 1}}},
		"rearranged": {func(x []*Node) []*Node {
			a := x[0]
			every := Slice(a, AxisRange(), AxisRange(1, 9).Stride(2), AxisRange().Stride(3))
			turned := TransposeAllAxes(a, 2, 0, 1)
			return []*Node{every, AddScalar(every, 1), turned, Mul(turned, turned), Reverse(a, 0, 2), Square(Reverse(a, 1)),
				Concatenate([]*Node{a, Neg(a), a}, 1), Concatenate([]*Node{turned, turned}, -1),
				Pad(a, Scalar(a.Graph(), dtypes.Float32, 3), PadAxis{Start: 1}, PadAxis{End: 2, Interior: 1}, PadAxis{Start: 2, Interior: 2}),
				Reshape(turned, -1), AddScalar(TransposeAllAxes(TransposeAllAxes(a, 1, 0, 2), 0, 2, 1), 1)}
		}, [][]int{{4, 9, 17}}},
		"reduced": {func(x []*Node) []*Node {
			a := x[0]
			var all []*Node
			for _, axes := range [][]int{nil, {0}, {1}, {2}, {3}, {0, 1}, {1, 3}, {0, 2}, {0, 1, 2}, {1, 2, 3}, {0, 3}} {
				all = append(all, ReduceSum(a, axes...), ReduceMax(a, axes...), ReduceMin(Square(a), axes...))
			}
			return all
		}, [][]int{{6, 5, 16, 33}}},
		"large sums": {func(x []*Node) []*Node {
			return []*Node{ReduceAllSum(x[0]), ReduceSum(x[0], 0), ReduceSum(x[0], 1)}
		}, [][]int{{2048, 64}}},
		"products": {func(x []*Node) []*Node {
			a, b := x[0], x[1] // [70, 300], [300, 45]
			return []*Node{MatMul(a, b), Dot(a, TransposeAllAxes(b, 1, 0)).General([]int{1}, nil, []int{1}, nil),
				MatMul(TransposeAllAxes(b, 1, 0), TransposeAllAxes(a, 1, 0)), TransposeAllAxes(MatMul(a, b), 1, 0),
				Dot(a, a).General([]int{0}, nil, []int{0}, nil), MatMul(TransposeAllAxes(Reverse(b, 0), 1, 0), TransposeAllAxes(a, 1, 0)),
				Dot(a, a).General([]int{1}, []int{0}, []int{1}, []int{0}),
				MatMul(a, Slice(b, AxisRange(), AxisRange(0, 1))), MatMul(Slice(a, AxisRange(0, 1)), b),
				MatMul(a, Reshape(Slice(b, AxisRange(), AxisRange(3, 4)), 300, 1))}
		}, [][]int{{70, 300}, {300, 45}}},
		"many products": {func(x []*Node) []*Node {
			return []*Node{Einsum("bij,bjk->bik", x[0], x[1]), Einsum("bij,bjk->bki", x[0], x[1]), Einsum("bij,bjk->ik", x[0], x[1])}
		}, [][]int{{5, 20, 30}, {5, 30, 40}}},
		"while": {func(x []*Node) []*Node {
			scalar, square := shapes.Make(dtypes.Float32), x[0].Shape()
			more := NewClosure(x[0].Graph(), func(g *Graph) []*Node {
				count := Parameter(g, "count", scalar)
				Parameter(g, "value", square)
				return []*Node{LessThan(count, Scalar(g, dtypes.Float32, 5))}
			})
			body := NewClosure(x[0].Graph(), func(g *Graph) []*Node {
				count, value := Parameter(g, "count", scalar), Parameter(g, "value", square)
				return []*Node{AddScalar(count, 1), Mul(value, value)}
			})
			state := While(more, body, Scalar(x[0].Graph(), dtypes.Float32, 3), x[0])
			return []*Node{state[1]}
		}, [][]int{{10}}},
		"gathered": {func(x []*Node) []*Node {
			g := x[0].Graph()
			rows := Const(g, [][]int32{{3}, {0}, {3}, {8}})
			return []*Node{Gather(x[0], rows), Gather(x[0], Const(g, [][]int32{{1, 2}, {0, 0}}))}
		}, [][]int{{9, 6, 5}}},
		"returned as they are": {func(x []*Node) []*Node {
			y := AddScalar(x[0], 1)
			return []*Node{x[0], y, Reshape(y, -1), y, Const(x[0].Graph(), []float32{1, 2}), Iota(x[0].Graph(), shapes.Make(dtypes.Float32, 3, 4), 1)}
		}, [][]int{{4, 4}}},
		"nothing": {func(x []*Node) []*Node {
			return []*Node{Add(x[0], x[0]), ReduceSum(Concatenate([]*Node{x[0], x[0]}, 0))}
		}, [][]int{{0, 3}}},
		"small axes": {func(x []*Node) []*Node {
			return []*Node{ReduceSum(x[0], 0, 2), TransposeAllAxes(x[0], 2, 1, 0), MatMul(Reshape(x[0], 1, 8), Reshape(x[0], 8, 1))}
		}, [][]int{{1, 8, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			var in []*tensors.Tensor
			for i, dims := range test.in {
				in = append(in, drawn(uint64(i), dims...))
			}
			got, want := run(t, open(t), test.f, in...), run(t, reference, test.f, in...)
			for i := range want {
				if diff := farthest(got[i], want[i]); !(diff < 1e-5) {
					t.Errorf("result %d differs by %g of %d numbers", i, diff, len(want[i]))
				}
			}
		})
	}
}

// farthest is the largest difference, relative to the largest number.
func farthest(x, y []float32) float64 {
	if len(x) != len(y) {
		return math.Inf(1)
	}
	far, scale := 0.0, 1.0
	for i := range x {
		if x[i] == y[i] || x[i] != x[i] && y[i] != y[i] {
			continue
		}
		far, scale = max(far, math.Abs(float64(x[i])-float64(y[i]))), max(scale, math.Abs(float64(y[i])))
	}
	return far / scale
}

// TestConvolutions compares convolutions with sums written out: strides, padding, dilation, and the axes exchanged, as in the
// gradient by the kernel.
func TestConvolutions(t *testing.T) {
	const batch, height, width, in, out = 3, 9, 8, 5, 18
	for _, c := range []struct{ size, stride, pad, dilation, spread int }{
		{3, 1, 0, 1, 1}, {3, 1, 1, 1, 1}, {4, 2, 1, 1, 1}, {1, 1, 0, 1, 1}, {3, 1, 0, 2, 1}, {2, 1, 1, 1, 2}, {5, 3, 2, 1, 1},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			x, kernel := drawn(1, batch, height, width, in), drawn(2, c.size, c.size, in, out)
			got := run(t, open(t), func(x []*Node) []*Node {
				axes := compute.ConvolveAxesConfig{InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3,
					KernelSpatial: []int{0, 1}, KernelInputChannels: 2, KernelOutputChannels: 3,
					OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3}
				turned := compute.ConvolveAxesConfig{InputBatch: 3, InputSpatial: []int{1, 2}, InputChannels: 0,
					KernelSpatial: []int{0, 1}, KernelInputChannels: 2, KernelOutputChannels: 3,
					OutputBatch: 2, OutputSpatial: []int{0, 1}, OutputChannels: 3}
				pads := [][2]int{{c.pad, c.pad}, {c.pad, c.pad}}
				strides, spread, dilation := []int{c.stride, c.stride}, []int{c.spread, c.spread}, []int{c.dilation, c.dilation}
				return []*Node{ConvGeneral(x[0], x[1], axes, strides, pads, spread, dilation, 1, 1),
					ConvGeneral(TransposeAllAxes(x[0], 3, 1, 2, 0), x[1], turned, strides, pads, spread, dilation, 1, 1)}
			}, x, kernel)
			want := sums(x, kernel, c.size, c.stride, c.pad, c.dilation, c.spread)
			rows := (c.spread*(height-1)+2*c.pad-c.dilation*(c.size-1))/c.stride + 1
			columns := (c.spread*(width-1)+2*c.pad-c.dilation*(c.size-1))/c.stride + 1
			exchanged := make([]float32, len(want)) // [rows, columns, batch, out]
			for b := range batch {
				for place := range rows * columns {
					copy(exchanged[(place*batch+b)*out:][:out], want[(b*rows*columns+place)*out:])
				}
			}
			if diff := farthest(got[0], want); !(diff < 1e-5) {
				t.Errorf("differs by %g", diff)
			}
			if diff := farthest(got[1], exchanged); !(diff < 1e-5) {
				t.Errorf("with axes exchanged it differs by %g", diff)
			}
		})
	}
}

func sums(x, kernel *tensors.Tensor, size, stride, pad, dilation, spread int) []float32 {
	xs, ks := tensors.MustCopyFlatData[float32](x), tensors.MustCopyFlatData[float32](kernel)
	d := x.Shape().Dimensions
	batch, height, width, in, out := d[0], d[1], d[2], d[3], kernel.Shape().Dimensions[3]
	var y []float32
	for b := range batch {
		for row := 0; row+dilation*(size-1) < spread*(height-1)+1+2*pad; row += stride {
			for column := 0; column+dilation*(size-1) < spread*(width-1)+1+2*pad; column += stride {
				for o := range out {
					var sum float64
					for i := range size * size {
						r, c := row+i/size*dilation-pad, column+i%size*dilation-pad
						if r < 0 || c < 0 || r%spread != 0 || c%spread != 0 || r/spread >= height || c/spread >= width {
							continue
						}
						for k := range in {
							sum += float64(xs[((b*height+r/spread)*width+c/spread)*in+k]) * float64(ks[(i*in+k)*out+o])
						}
					}
					y = append(y, float32(sum))
				}
			}
		}
	}
	return y
}

// TestNotANumber sees that NaN passes through: a run must notice that it diverged.
func TestNotANumber(t *testing.T) {
	nan := float32(math.NaN())
	x := tensors.FromValue([]float32{nan, 1, nan, 2, nan, 3, nan, 4, nan, 5})
	for i, y := range run(t, open(t), func(x []*Node) []*Node {
		zero := ScalarZero(x[0].Graph(), dtypes.Float32)
		return []*Node{Max(x[0], zero), Max(zero, x[0]), Min(x[0], zero), Abs(x[0]), Neg(x[0]), Sqrt(x[0]), Tanh(x[0]), Sign(x[0]), Exp(x[0])}
	}, x) {
		if y[0] == y[0] || y[8] == y[8] || y[1] != y[1] {
			t.Errorf("result %d is %v", i, y)
		}
	}
}

// TestTheSameBits computes with one core and with several.
func TestTheSameBits(t *testing.T) {
	f := func(x []*Node) []*Node {
		y := MatMul(x[0], x[1])
		z := Gradient(ReduceAllSum(Square(Tanh(y))), x[0], x[1])
		return append(z, ReduceAllSum(y), ReduceSum(y, 0), ReduceMax(y, 1))
	}
	x, y := drawn(1, 513, 300), drawn(2, 300, 129)
	var want [][]float32
	for _, cores := range []int{1, 2, 3, 7} {
		b := open(t)
		b.crew.size = cores
		got := run(t, b, f, x, y)
		if want == nil {
			want = got
		}
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("with %d cores result %d differs", cores, i)
			}
		}
	}
}

// TestTiles compares the tiles of all routines that the processor has.
func TestTiles(t *testing.T) {
	const deep = 77
	a, b := tensors.MustCopyFlatData[float32](drawn(1, rowsAtOnce, deep)), tensors.MustCopyFlatData[float32](drawn(2, deep, mostLanes))
	var rows [rowsAtOnce]*float32
	for i := range rows {
		rows[i] = &a[i*deep]
	}
	offsets := make([]int, deep)
	for k := range offsets {
		offsets[k] = 4 * k
	}
	for _, lanes := range []int{16, 32} {
		var got, want [rowsAtOnce * mostLanes]float32
		multiply(&rows, &offsets[0], &b[0], 4*lanes, deep, lanes, &got)
		multiplyPlainly(&rows, &offsets[0], &b[0], 4*lanes, deep, lanes, &want)
		if diff := farthest(got[:], want[:]); !(diff < 1e-6) {
			t.Errorf("%d lanes: differs by %g", lanes, diff)
		}
	}
}

// TestGivenAway runs a program on its own results, which it may write over, and on a buffer that is gone.
func TestGivenAway(t *testing.T) {
	b := open(t)
	builder := b.Builder("count")
	f := builder.Main()
	shape := shapes.Make(dtypes.Float32, 1000)
	x, err := f.Parameter("x", shape, nil)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := f.Constant([]float32{1})
	one, _ = f.Reshape(one)
	y, err := f.Add(x, one)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Return([]compute.Value{y}, nil); err != nil {
		t.Fatal(err)
	}
	p, err := builder.Compile()
	if err != nil {
		t.Fatal(err)
	}
	first, err := b.BufferFromFlatData(0, make([]float32, 1000), shape)
	if err != nil {
		t.Fatal(err)
	}
	state := first
	for range 10 {
		out, err := p.Execute([]compute.Buffer{state}, []bool{true}, 0)
		if err != nil {
			t.Fatal(err)
		}
		state = out[0]
	}
	flat, err := state.Data()
	if err != nil || flat.([]float32)[999] != 10 {
		t.Errorf("it counted to %v (%v), want 10", flat.([]float32)[999], err)
	}
	if _, err := p.Execute([]compute.Buffer{first}, nil, 0); err == nil || !strings.Contains(err.Error(), "finalized") {
		t.Errorf("a buffer that was given away is taken: %v", err)
	}
	wrong, _ := b.BufferFromFlatData(0, make([]float32, 10), shapes.Make(dtypes.Float32, 10))
	if _, err := p.Execute([]compute.Buffer{wrong}, nil, 0); err == nil || !strings.Contains(err.Error(), `parameter "x" is`) {
		t.Errorf("a buffer of another shape is taken: %v", err)
	}
	p.Finalize()
	if _, err := p.Execute([]compute.Buffer{state}, nil, 0); err == nil {
		t.Error("a finalized program runs")
	}
}

// TestAtTheSameTime runs a program, and products that start together, from several goroutines: on GoMLX's backend alone the
// products may wait for each other forever.
func TestAtTheSameTime(t *testing.T) {
	b := open(t)
	exec, err := NewExec(b, func(x *Node) []*Node {
		var all []*Node
		for i := range 16 {
			all = append(all, ReduceSum(MatMul(x, AddScalar(x, float64(i))), 0))
		}
		return all
	})
	if err != nil {
		t.Fatal(err)
	}
	x := drawn(1, 128, 128)
	var wg sync.WaitGroup
	for range 4 {
		clone, err := x.LocalClone()
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range 20 {
				if _, err := exec.Call(clone); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
