package export

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// The operations that ONNX has under another name, or as another one or two. Those that need more are in layout.go and
// product.go.

func elementOf(flat any) reflect.Type { return reflect.TypeOf(flat).Elem() }

func (f *function) unary(op compute.OpType, name string, x compute.Value) (compute.Value, error) {
	v := x.(*value)
	shape, err := shapeinference.UnaryOp(op, v.shape)
	if err != nil {
		return nil, err
	}
	return f.add(name, shape, []*value{v}), nil
}

func (f *function) binary(op compute.OpType, name string, lhs, rhs compute.Value, attributes ...attribute) (compute.Value, error) {
	a, b := lhs.(*value), rhs.(*value)
	shape, err := shapeinference.BinaryOp(op, a.shape, b.shape)
	if err != nil {
		return nil, err
	}
	return f.add(name, shape, []*value{a, b}, attributes...), nil
}

func (f *function) comparison(op compute.OpType, name string, lhs, rhs compute.Value) (compute.Value, error) {
	a, b := lhs.(*value), rhs.(*value)
	shape, err := shapeinference.ComparisonOp(op, a.shape, b.shape)
	if err != nil {
		return nil, err
	}
	return f.add(name, shape, []*value{a, b}), nil
}

// Abs implements compute.StandardOps.
func (f *function) Abs(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeAbs, "Abs", x)
}

// Neg implements compute.StandardOps.
func (f *function) Neg(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeNeg, "Neg", x)
}

// Sign implements compute.StandardOps.
func (f *function) Sign(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSign, "Sign", x)
}

// Exp implements compute.StandardOps.
func (f *function) Exp(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExp, "Exp", x)
}

// Log implements compute.StandardOps.
func (f *function) Log(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog, "Log", x)
}

// Sqrt implements compute.StandardOps.
func (f *function) Sqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSqrt, "Sqrt", x)
}

// Sin implements compute.StandardOps.
func (f *function) Sin(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSin, "Sin", x)
}

// Cos implements compute.StandardOps.
func (f *function) Cos(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCos, "Cos", x)
}

// Tanh implements compute.StandardOps.
func (f *function) Tanh(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeTanh, "Tanh", x)
}

// Logistic implements compute.StandardOps.
func (f *function) Logistic(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogistic, "Sigmoid", x)
}

// Erf implements compute.StandardOps.
func (f *function) Erf(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeErf, "Erf", x)
}

// Floor implements compute.StandardOps.
func (f *function) Floor(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeFloor, "Floor", x)
}

// Ceil implements compute.StandardOps.
func (f *function) Ceil(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCeil, "Ceil", x)
}

// Round implements compute.StandardOps; both round halves to even.
func (f *function) Round(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRound, "Round", x)
}

// LogicalNot implements compute.StandardOps.
func (f *function) LogicalNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogicalNot, "Not", x)
}

// Rsqrt implements compute.StandardOps.
func (f *function) Rsqrt(x compute.Value) (compute.Value, error) {
	root, err := f.Sqrt(x)
	if err != nil {
		return nil, err
	}
	return f.add("Reciprocal", root.(*value).shape, []*value{root.(*value)}), nil
}

// Log1p implements compute.StandardOps as log(1 + x), ONNX having no better: tiny x lose digits.
func (f *function) Log1p(x compute.Value) (compute.Value, error) {
	one, err := f.one(x)
	if err != nil {
		return nil, err
	}
	sum, err := f.Add(x, one)
	if err != nil {
		return nil, err
	}
	return f.Log(sum)
}

// Expm1 implements compute.StandardOps as exp(x) - 1, ONNX having no better: tiny x lose digits.
func (f *function) Expm1(x compute.Value) (compute.Value, error) {
	one, err := f.one(x)
	if err != nil {
		return nil, err
	}
	power, err := f.Exp(x)
	if err != nil {
		return nil, err
	}
	return f.Sub(power, one)
}

// one is the scalar 1 in the dtype of x.
func (f *function) one(x compute.Value) (compute.Value, error) {
	one, err := f.Constant([]float32{1})
	if err != nil {
		return nil, err
	}
	return f.ConvertDType(one, x.(*value).shape.DType)
}

// Identity implements compute.StandardOps.
func (f *function) Identity(x compute.Value) (compute.Value, error) { return x, nil }

// OptimizationBarrier implements compute.StandardOps; there is nothing to hold back.
func (f *function) OptimizationBarrier(operands ...compute.Value) ([]compute.Value, error) {
	return operands, nil
}

// Add implements compute.StandardOps.
func (f *function) Add(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAdd, "Add", lhs, rhs)
}

// Sub implements compute.StandardOps.
func (f *function) Sub(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeSub, "Sub", lhs, rhs)
}

// Mul implements compute.StandardOps.
func (f *function) Mul(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMul, "Mul", lhs, rhs)
}

// Div implements compute.StandardOps.
func (f *function) Div(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeDiv, "Div", lhs, rhs)
}

// Rem implements compute.StandardOps; the result has the sign of lhs, as in C.
func (f *function) Rem(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeRem, "Mod", lhs, rhs, attribute{"fmod", 1})
}

// Pow implements compute.StandardOps.
func (f *function) Pow(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypePow, "Pow", lhs, rhs)
}

// Max implements compute.StandardOps.
func (f *function) Max(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMax, "Max", lhs, rhs)
}

// Min implements compute.StandardOps.
func (f *function) Min(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMin, "Min", lhs, rhs)
}

// Clamp implements compute.StandardOps.
func (f *function) Clamp(low, x, high compute.Value) (compute.Value, error) {
	raised, err := f.Max(x, low)
	if err != nil {
		return nil, err
	}
	return f.Min(raised, high)
}

// LogicalAnd implements compute.StandardOps.
func (f *function) LogicalAnd(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalAnd, "And", lhs, rhs)
}

// LogicalOr implements compute.StandardOps.
func (f *function) LogicalOr(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalOr, "Or", lhs, rhs)
}

// LogicalXor implements compute.StandardOps.
func (f *function) LogicalXor(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalXor, "Xor", lhs, rhs)
}

// Equal implements compute.StandardOps.
func (f *function) Equal(lhs, rhs compute.Value) (compute.Value, error) {
	return f.comparison(compute.OpTypeEqual, "Equal", lhs, rhs)
}

// NotEqual implements compute.StandardOps.
func (f *function) NotEqual(lhs, rhs compute.Value) (compute.Value, error) {
	equal, err := f.Equal(lhs, rhs)
	if err != nil {
		return nil, err
	}
	return f.LogicalNot(equal)
}

// GreaterThan implements compute.StandardOps.
func (f *function) GreaterThan(lhs, rhs compute.Value) (compute.Value, error) {
	return f.comparison(compute.OpTypeGreaterThan, "Greater", lhs, rhs)
}

// GreaterOrEqual implements compute.StandardOps.
func (f *function) GreaterOrEqual(lhs, rhs compute.Value) (compute.Value, error) {
	return f.comparison(compute.OpTypeGreaterOrEqual, "GreaterOrEqual", lhs, rhs)
}

// LessThan implements compute.StandardOps.
func (f *function) LessThan(lhs, rhs compute.Value) (compute.Value, error) {
	return f.comparison(compute.OpTypeLessThan, "Less", lhs, rhs)
}

// LessOrEqual implements compute.StandardOps.
func (f *function) LessOrEqual(lhs, rhs compute.Value) (compute.Value, error) {
	return f.comparison(compute.OpTypeLessOrEqual, "LessOrEqual", lhs, rhs)
}

// Where implements compute.StandardOps.
func (f *function) Where(condition, onTrue, onFalse compute.Value) (compute.Value, error) {
	c, a, b := condition.(*value), onTrue.(*value), onFalse.(*value)
	shape, err := shapeinference.Where(c.shape, a.shape, b.shape)
	if err != nil {
		return nil, err
	}
	return f.add("Where", shape, []*value{c, a, b}), nil
}

// ConvertDType implements compute.StandardOps.
func (f *function) ConvertDType(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	v := x.(*value)
	if err := checkType(dtype); err != nil || v.shape.DType == dtype {
		return v, err
	}
	return f.add("Cast", shapes.Make(dtype, v.shape.Dimensions...), []*value{v},
		attribute{"to", int(elementTypes()[dtype])}), nil
}

// reduce records a reduction, whose axes ONNX takes as an input of ReduceSum and as an attribute of the others.
func (f *function) reduce(name string, x compute.Value, axes []int) (compute.Value, error) {
	v := x.(*value)
	if len(axes) == 0 {
		for axis := range v.shape.Rank() {
			axes = append(axes, axis)
		}
	}
	shape, err := shapeinference.Reduce(v.shape, axes)
	switch {
	case err != nil:
		return nil, err
	case len(axes) == 0: // a scalar
		return v, nil
	case name == "ReduceSum":
		return f.add(name, shape, []*value{v, f.integers(axes...)}, attribute{"keepdims", 0}), nil
	}
	return f.add(name, shape, []*value{v}, attribute{"axes", axes}, attribute{"keepdims", 0}), nil
}

// ReduceSum implements compute.StandardOps.
func (f *function) ReduceSum(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce("ReduceSum", x, axes)
}

// ReduceMax implements compute.StandardOps.
func (f *function) ReduceMax(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce("ReduceMax", x, axes)
}

// ReduceMin implements compute.StandardOps.
func (f *function) ReduceMin(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce("ReduceMin", x, axes)
}

// ReduceProduct implements compute.StandardOps.
func (f *function) ReduceProduct(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce("ReduceProd", x, axes)
}

// ArgMinMax implements compute.StandardOps.
func (f *function) ArgMinMax(x compute.Value, axis int, dtype dtypes.DType, isMin bool) (compute.Value, error) {
	v := x.(*value)
	shape, err := shapeinference.ArgMinMax(v.shape, axis, dtypes.Int64)
	if err != nil {
		return nil, err
	}
	name := "ArgMax"
	if isMin {
		name = "ArgMin"
	}
	return f.ConvertDType(f.add(name, shape, []*value{v}, attribute{"axis", axis}, attribute{"keepdims", 0}), dtype)
}

// Iota implements compute.StandardOps: a constant along its axis, broadcast over the others.
func (f *function) Iota(shape shapes.Shape, axis int) (compute.Value, error) {
	if axis < 0 || axis >= shape.Rank() {
		return nil, fmt.Errorf("ONNX export: Iota of shape %s along axis %d", shape, axis)
	}
	numbers := make([]int32, shape.Dimensions[axis])
	for i := range numbers {
		numbers[i] = int32(i)
	}
	count, err := f.Constant(numbers, len(numbers))
	if err != nil {
		return nil, err
	}
	if count, err = f.ConvertDType(count, shape.DType); err != nil {
		return nil, err
	}
	return f.BroadcastInDim(count, shape, []int{axis})
}

// Reverse implements compute.StandardOps: a slice with steps of -1.
func (f *function) Reverse(x compute.Value, axes ...int) (compute.Value, error) {
	v := x.(*value)
	backward := slices.Repeat([]int{-1}, len(axes))
	end := slices.Repeat([]int{math.MinInt32}, len(axes))
	inputs := []*value{v, f.integers(backward...), f.integers(end...), f.integers(axes...), f.integers(backward...)}
	return f.add("Slice", v.shape, inputs), nil
}

// Gather implements compute.StandardOps where whole rows are taken by indices of the leading axes, as an embedding does.
// ONNX wants the indices in range, where GoMLX takes the nearest row.
func (f *function) Gather(x, indices compute.Value, vectorAxis int, offsetAxes, collapsedAxes, indexMap, sizes []int, sorted bool) (compute.Value, error) {
	v, at := x.(*value), indices.(*value)
	shape, err := shapeinference.Gather(v.shape, at.shape, vectorAxis, offsetAxes, collapsedAxes, indexMap, sizes, sorted)
	if err != nil {
		return nil, err
	}
	rows := vectorAxis == at.shape.Rank()-1
	for i, axis := range indexMap {
		rows = rows && axis == i && slices.Contains(collapsedAxes, i)
	}
	for axis := len(indexMap); axis < len(sizes); axis++ {
		rows = rows && sizes[axis] == v.shape.Dimensions[axis]
	}
	for i, axis := range offsetAxes {
		rows = rows && axis == at.shape.Rank()-1+i
	}
	if !rows || len(collapsedAxes) != len(indexMap) {
		return nil, fmt.Errorf("ONNX export knows Gather of whole rows only: %w", compute.ErrNotImplemented)
	}
	long, err := f.ConvertDType(at, dtypes.Int64)
	if err != nil {
		return nil, err
	}
	return f.add("GatherND", shape, []*value{v, long.(*value)}), nil
}

// scalarOf returns the one value of an integer constant, or false.
func (v *value) scalarOf() (int, bool) {
	if v.data == nil || v.shape.Size() != 1 {
		return 0, false
	}
	switch v.shape.DType {
	case dtypes.Int32:
		return int(int32(binary.LittleEndian.Uint32(v.data))), true
	case dtypes.Int64:
		return int(binary.LittleEndian.Uint64(v.data)), true
	}
	return 0, false
}
