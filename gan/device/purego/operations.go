package purego

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// The operations that are noted down. What each computes is said in compute.StandardOps.

// Abs notes the operation down.
func (f *function) Abs(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeAbs, compute.Function.Abs, x)
}

// BitCount notes the operation down.
func (f *function) BitCount(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitCount, compute.Function.BitCount, x)
}

// BitwiseNot notes the operation down.
func (f *function) BitwiseNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitwiseNot, compute.Function.BitwiseNot, x)
}

// Ceil notes the operation down.
func (f *function) Ceil(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCeil, compute.Function.Ceil, x)
}

// Clz notes the operation down.
func (f *function) Clz(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeClz, compute.Function.Clz, x)
}

// Cos notes the operation down.
func (f *function) Cos(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCos, compute.Function.Cos, x)
}

// Erf notes the operation down.
func (f *function) Erf(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeErf, compute.Function.Erf, x)
}

// Exp notes the operation down.
func (f *function) Exp(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExp, compute.Function.Exp, x)
}

// Expm1 notes the operation down.
func (f *function) Expm1(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExpm1, compute.Function.Expm1, x)
}

// Floor notes the operation down.
func (f *function) Floor(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeFloor, compute.Function.Floor, x)
}

// Identity notes the operation down.
func (f *function) Identity(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeIdentity, compute.Function.Identity, x)
}

// IsFinite notes the operation down.
func (f *function) IsFinite(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeIsFinite, compute.Function.IsFinite, x)
}

// IsNaN notes the operation down.
func (f *function) IsNaN(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeIsNaN, compute.Function.IsNaN, x)
}

// Log notes the operation down.
func (f *function) Log(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog, compute.Function.Log, x)
}

// Log1p notes the operation down.
func (f *function) Log1p(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog1p, compute.Function.Log1p, x)
}

// LogicalNot notes the operation down.
func (f *function) LogicalNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogicalNot, compute.Function.LogicalNot, x)
}

// Logistic notes the operation down.
func (f *function) Logistic(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogistic, compute.Function.Logistic, x)
}

// Neg notes the operation down.
func (f *function) Neg(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeNeg, compute.Function.Neg, x)
}

// Round notes the operation down.
func (f *function) Round(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRound, compute.Function.Round, x)
}

// Rsqrt notes the operation down.
func (f *function) Rsqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRsqrt, compute.Function.Rsqrt, x)
}

// Sign notes the operation down.
func (f *function) Sign(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSign, compute.Function.Sign, x)
}

// Sin notes the operation down.
func (f *function) Sin(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSin, compute.Function.Sin, x)
}

// Sqrt notes the operation down.
func (f *function) Sqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSqrt, compute.Function.Sqrt, x)
}

// Tanh notes the operation down.
func (f *function) Tanh(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeTanh, compute.Function.Tanh, x)
}

// Add notes the operation down.
func (f *function) Add(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAdd, compute.Function.Add, x, y)
}

// Atan2 notes the operation down.
func (f *function) Atan2(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAtan2, compute.Function.Atan2, x, y)
}

// BitwiseAnd notes the operation down.
func (f *function) BitwiseAnd(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseAnd, compute.Function.BitwiseAnd, x, y)
}

// BitwiseOr notes the operation down.
func (f *function) BitwiseOr(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseOr, compute.Function.BitwiseOr, x, y)
}

// BitwiseXor notes the operation down.
func (f *function) BitwiseXor(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseXor, compute.Function.BitwiseXor, x, y)
}

// Div notes the operation down.
func (f *function) Div(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeDiv, compute.Function.Div, x, y)
}

// Equal notes the operation down.
func (f *function) Equal(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeEqual, compute.Function.Equal, x, y)
}

// EqualTotalOrder notes the operation down.
func (f *function) EqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeEqualTotalOrder, compute.Function.EqualTotalOrder, x, y)
}

// GreaterOrEqual notes the operation down.
func (f *function) GreaterOrEqual(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterOrEqual, compute.Function.GreaterOrEqual, x, y)
}

// GreaterOrEqualTotalOrder notes the operation down.
func (f *function) GreaterOrEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterOrEqualTotalOrder, compute.Function.GreaterOrEqualTotalOrder, x, y)
}

// GreaterThan notes the operation down.
func (f *function) GreaterThan(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterThan, compute.Function.GreaterThan, x, y)
}

// GreaterThanTotalOrder notes the operation down.
func (f *function) GreaterThanTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterThanTotalOrder, compute.Function.GreaterThanTotalOrder, x, y)
}

// LessOrEqual notes the operation down.
func (f *function) LessOrEqual(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessOrEqual, compute.Function.LessOrEqual, x, y)
}

// LessOrEqualTotalOrder notes the operation down.
func (f *function) LessOrEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessOrEqualTotalOrder, compute.Function.LessOrEqualTotalOrder, x, y)
}

// LessThan notes the operation down.
func (f *function) LessThan(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessThan, compute.Function.LessThan, x, y)
}

// LessThanTotalOrder notes the operation down.
func (f *function) LessThanTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessThanTotalOrder, compute.Function.LessThanTotalOrder, x, y)
}

// LogicalAnd notes the operation down.
func (f *function) LogicalAnd(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalAnd, compute.Function.LogicalAnd, x, y)
}

// LogicalOr notes the operation down.
func (f *function) LogicalOr(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalOr, compute.Function.LogicalOr, x, y)
}

// LogicalXor notes the operation down.
func (f *function) LogicalXor(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalXor, compute.Function.LogicalXor, x, y)
}

// Max notes the operation down.
func (f *function) Max(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMax, compute.Function.Max, x, y)
}

// Min notes the operation down.
func (f *function) Min(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMin, compute.Function.Min, x, y)
}

// Mul notes the operation down.
func (f *function) Mul(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMul, compute.Function.Mul, x, y)
}

// NotEqual notes the operation down.
func (f *function) NotEqual(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeNotEqual, compute.Function.NotEqual, x, y)
}

// NotEqualTotalOrder notes the operation down.
func (f *function) NotEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeNotEqualTotalOrder, compute.Function.NotEqualTotalOrder, x, y)
}

// Pow notes the operation down.
func (f *function) Pow(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypePow, compute.Function.Pow, x, y)
}

// Rem notes the operation down.
func (f *function) Rem(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeRem, compute.Function.Rem, x, y)
}

// ShiftLeft notes the operation down.
func (f *function) ShiftLeft(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftLeft, compute.Function.ShiftLeft, x, y)
}

// ShiftRightArithmetic notes the operation down.
func (f *function) ShiftRightArithmetic(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightArithmetic, compute.Function.ShiftRightArithmetic, x, y)
}

// ShiftRightLogical notes the operation down.
func (f *function) ShiftRightLogical(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightLogical, compute.Function.ShiftRightLogical, x, y)
}

// Sub notes the operation down.
func (f *function) Sub(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeSub, compute.Function.Sub, x, y)
}

// ReduceBitwiseAnd notes the operation down.
func (f *function) ReduceBitwiseAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseAnd, compute.Function.ReduceBitwiseAnd, x, slices.Clone(axes))
}

// ReduceBitwiseOr notes the operation down.
func (f *function) ReduceBitwiseOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseOr, compute.Function.ReduceBitwiseOr, x, slices.Clone(axes))
}

// ReduceBitwiseXor notes the operation down.
func (f *function) ReduceBitwiseXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseXor, compute.Function.ReduceBitwiseXor, x, slices.Clone(axes))
}

// ReduceLogicalAnd notes the operation down.
func (f *function) ReduceLogicalAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalAnd, compute.Function.ReduceLogicalAnd, x, slices.Clone(axes))
}

// ReduceLogicalOr notes the operation down.
func (f *function) ReduceLogicalOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalOr, compute.Function.ReduceLogicalOr, x, slices.Clone(axes))
}

// ReduceLogicalXor notes the operation down.
func (f *function) ReduceLogicalXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalXor, compute.Function.ReduceLogicalXor, x, slices.Clone(axes))
}

// ReduceMax notes the operation down.
func (f *function) ReduceMax(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMax, compute.Function.ReduceMax, x, slices.Clone(axes))
}

// ReduceMin notes the operation down.
func (f *function) ReduceMin(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMin, compute.Function.ReduceMin, x, slices.Clone(axes))
}

// ReduceProduct notes the operation down.
func (f *function) ReduceProduct(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceProduct, compute.Function.ReduceProduct, x, slices.Clone(axes))
}

// ReduceSum notes the operation down.
func (f *function) ReduceSum(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceSum, compute.Function.ReduceSum, x, slices.Clone(axes))
}

// Bitcast notes the operation down.
func (f *function) Bitcast(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	return f.one(compute.OpTypeBitcast, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Bitcast(in[0], dtype)
	}, x)
}

// ArgMinMax notes the operation down.
func (f *function) ArgMinMax(x compute.Value, axis int, dtype dtypes.DType, isMin bool) (compute.Value, error) {
	return f.one(compute.OpTypeArgMinMax, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.ArgMinMax(in[0], axis, dtype, isMin)
	}, x)
}

// BroadcastInDim notes the operation down. Its data is the axis of the output that each axis of x becomes.
func (f *function) BroadcastInDim(x compute.Value, shape shapes.Shape, axes []int) (compute.Value, error) {
	axes = slices.Clone(axes)
	return f.one(compute.OpTypeBroadcastInDim, axes, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.BroadcastInDim(in[0], shape, axes)
	}, x)
}

// Clamp notes the operation down.
func (f *function) Clamp(low, x, high compute.Value) (compute.Value, error) {
	return f.one(compute.OpTypeClamp, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Clamp(in[0], in[1], in[2])
	}, low, x, high)
}

// Concatenate notes the operation down. Its data is the axis.
func (f *function) Concatenate(axis int, operands ...compute.Value) (compute.Value, error) {
	return f.one(compute.OpTypeConcatenate, axis, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Concatenate(axis, in...)
	}, operands...)
}

// convolution is what a convolution was given.
type convolution struct {
	axes                            compute.ConvolveAxesConfig
	strides                         []int
	paddings                        [][2]int
	inputDilations, kernelDilations []int
	channelGroups, batchGroups      int
}

// ConvGeneral notes the operation down. Its data is a convolution.
func (f *function) ConvGeneral(input, kernel compute.Value, axes compute.ConvolveAxesConfig, strides []int, paddings [][2]int,
	inputDilations, kernelDilations []int, channelGroups, batchGroups int) (compute.Value, error) {
	c := convolution{axes.Clone(), slices.Clone(strides), slices.Clone(paddings), slices.Clone(inputDilations),
		slices.Clone(kernelDilations), channelGroups, batchGroups}
	return f.one(compute.OpTypeConvGeneral, c, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.ConvGeneral(in[0], in[1], c.axes, c.strides, c.paddings, c.inputDilations, c.kernelDilations, c.channelGroups,
			c.batchGroups)
	}, input, kernel)
}

// ConvertDType notes the operation down.
func (f *function) ConvertDType(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	return f.one(compute.OpTypeConvertDType, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.ConvertDType(in[0], dtype)
	}, x)
}

// product is what a general product was given.
type product struct {
	contract, batch [2][]int // axes of the left operand and of the right
	config          compute.DotGeneralConfig
	order           []int // of the result's axes in memory, where it is transposed
}

// DotGeneral notes the operation down. Its data is a product.
func (f *function) DotGeneral(lhs compute.Value, lhsContract, lhsBatch []int, rhs compute.Value, rhsContract, rhsBatch []int,
	config compute.DotGeneralConfig) (compute.Value, error) {
	p := product{[2][]int{slices.Clone(lhsContract), slices.Clone(rhsContract)},
		[2][]int{slices.Clone(lhsBatch), slices.Clone(rhsBatch)}, config, nil}
	return f.one(compute.OpTypeDotGeneral, p, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.DotGeneral(in[0], slices.Clone(p.contract[0]), slices.Clone(p.batch[0]),
			in[1], slices.Clone(p.contract[1]), slices.Clone(p.batch[1]), config)
	}, lhs, rhs)
}

// DynamicSlice notes the operation down.
func (f *function) DynamicSlice(x compute.Value, starts []compute.Value, sizes []int) (compute.Value, error) {
	return f.one(compute.OpTypeDynamicSlice, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.DynamicSlice(in[0], in[1:], sizes)
	}, append([]compute.Value{x}, starts...)...)
}

// DynamicUpdateSlice notes the operation down.
func (f *function) DynamicUpdateSlice(x, update compute.Value, starts []compute.Value) (compute.Value, error) {
	return f.one(compute.OpTypeDynamicUpdateSlice, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.DynamicUpdateSlice(in[0], in[1], in[2:])
	}, append([]compute.Value{x, update}, starts...)...)
}

// Gather notes the operation down. Its data is a gathering.
func (f *function) Gather(x, starts compute.Value, vectorAxis int, offsetAxes, collapsed, startMap, sizes []int,
	sorted bool) (compute.Value, error) {
	data := gathering{vectorAxis, slices.Clone(offsetAxes), slices.Clone(collapsed), slices.Clone(startMap), slices.Clone(sizes)}
	return f.one(compute.OpTypeGather, data, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Gather(in[0], in[1], vectorAxis, data.offsetAxes, data.collapsed, data.startMap, data.sizes, sorted)
	}, x, starts)
}

// gathering is what a Gather was given.
type gathering struct {
	vectorAxis                             int
	offsetAxes, collapsed, startMap, sizes []int
}

// Iota notes the operation down. Its data is the axis.
func (f *function) Iota(shape shapes.Shape, axis int) (compute.Value, error) {
	return f.one(compute.OpTypeIota, axis, func(g compute.Function, _ []compute.Value) (compute.Value, error) {
		return g.Iota(shape, axis)
	})
}

// OptimizationBarrier notes nothing down: there is nothing here that it could hold back.
func (f *function) OptimizationBarrier(operands ...compute.Value) ([]compute.Value, error) {
	return operands, nil
}

// SchedulingBarrier notes nothing down: nodes are run in the order of the graph.
func (f *function) SchedulingBarrier(x compute.Value, _ ...compute.Value) (compute.Value, error) {
	return x, nil
}

// Pad notes the operation down. Its data is the padding of each axis.
func (f *function) Pad(x, fill compute.Value, axes ...compute.PadAxis) (compute.Value, error) {
	axes = slices.Clone(axes)
	return f.one(compute.OpTypePad, axes, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Pad(in[0], in[1], axes...)
	}, x, fill)
}

// ReduceWindow notes the operation down.
func (f *function) ReduceWindow(x compute.Value, reduction compute.ReduceOpType, window, strides, inputDilations,
	windowDilations []int, paddings [][2]int) (compute.Value, error) {
	return f.one(compute.OpTypeReduceWindow, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.ReduceWindow(in[0], reduction, window, strides, inputDilations, windowDilations, paddings)
	}, x)
}

// Reshape notes the operation down.
func (f *function) Reshape(x compute.Value, dimensions ...int) (compute.Value, error) {
	dimensions = slices.Clone(dimensions)
	return f.one(compute.OpTypeReshape, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Reshape(in[0], dimensions...)
	}, x)
}

// Reverse notes the operation down. Its data is the axes.
func (f *function) Reverse(x compute.Value, axes ...int) (compute.Value, error) {
	axes = slices.Clone(axes)
	return f.one(compute.OpTypeReverse, axes, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Reverse(in[0], axes...)
	}, x)
}

// RNGBitGenerator notes the operation down.
func (f *function) RNGBitGenerator(state compute.Value, shape shapes.Shape) (newState, values compute.Value, err error) {
	both, err := f.add(compute.OpTypeRNGBitGenerator, nil, func(g compute.Function, in []compute.Value) ([]compute.Value, error) {
		state, values, err := g.RNGBitGenerator(in[0], shape)
		return []compute.Value{state, values}, err
	}, state)
	if err != nil {
		return nil, nil, err
	}
	return both[0], both[1], nil
}

type scatterMethod func(f compute.Function, operand, indices, updates compute.Value, vectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxes []int, sorted, unique bool) (compute.Value, error)

func (f *function) scatter(op compute.OpType, method scatterMethod, operand, indices, updates compute.Value, vectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxes []int, sorted, unique bool) (compute.Value, error) {
	return f.one(op, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return method(g, in[0], in[1], in[2], vectorAxis, updateWindowAxes, insertedWindowAxes, scatterAxes, sorted, unique)
	}, operand, indices, updates)
}

// ScatterMax notes the operation down.
func (f *function) ScatterMax(operand, indices, updates compute.Value, vectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxes []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMax, compute.Function.ScatterMax, operand, indices, updates, vectorAxis,
		updateWindowAxes, insertedWindowAxes, scatterAxes, sorted, unique)
}

// ScatterMin notes the operation down.
func (f *function) ScatterMin(operand, indices, updates compute.Value, vectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxes []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMin, compute.Function.ScatterMin, operand, indices, updates, vectorAxis,
		updateWindowAxes, insertedWindowAxes, scatterAxes, sorted, unique)
}

// ScatterSum notes the operation down.
func (f *function) ScatterSum(operand, indices, updates compute.Value, vectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxes []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterSum, compute.Function.ScatterSum, operand, indices, updates, vectorAxis,
		updateWindowAxes, insertedWindowAxes, scatterAxes, sorted, unique)
}

// sliced is what a Slice was given.
type sliced struct{ starts, limits, strides []int }

// Slice notes the operation down. Its data is a sliced.
func (f *function) Slice(x compute.Value, starts, limits, strides []int) (compute.Value, error) {
	s := sliced{slices.Clone(starts), slices.Clone(limits), slices.Clone(strides)}
	return f.one(compute.OpTypeSlice, s, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Slice(in[0], s.starts, s.limits, s.strides)
	}, x)
}

// Transpose notes the operation down. Its data is the permutation.
func (f *function) Transpose(x compute.Value, permutation ...int) (compute.Value, error) {
	permutation = slices.Clone(permutation)
	return f.one(compute.OpTypeTranspose, permutation, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Transpose(in[0], permutation...)
	}, x)
}

// Where notes the operation down.
func (f *function) Where(condition, onTrue, onFalse compute.Value) (compute.Value, error) {
	return f.one(compute.OpTypeWhere, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Where(in[0], in[1], in[2])
	}, condition, onTrue, onFalse)
}
