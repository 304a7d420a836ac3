package export

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// The operations that move values without changing them.

// Reshape implements compute.StandardOps.
func (f *function) Reshape(x compute.Value, dims ...int) (compute.Value, error) {
	v := x.(*value)
	shape, err := shapeinference.Reshape(v.shape, dims)
	if err != nil {
		return nil, err
	}
	return f.reshape(v, shape.Dimensions), nil
}

func (f *function) reshape(v *value, dims []int) *value {
	if slices.Equal(v.shape.Dimensions, dims) {
		return v
	}
	return f.add("Reshape", shapes.Make(v.shape.DType, dims...), []*value{v, f.integers(dims...)})
}

// Transpose implements compute.StandardOps.
func (f *function) Transpose(x compute.Value, permutation ...int) (compute.Value, error) {
	if _, err := shapeinference.Transpose(x.(*value).shape, permutation); err != nil {
		return nil, err
	}
	return f.transpose(x.(*value), permutation), nil
}

func (f *function) transpose(v *value, permutation []int) *value {
	if slices.IsSorted(permutation) {
		return v
	}
	return f.add("Transpose", shapes.Make(v.shape.DType, pick(v.shape.Dimensions, permutation)...), []*value{v},
		attribute{"perm", permutation})
}

// pick lists the elements of values at the given places.
func pick(values, places []int) []int {
	picked := make([]int, len(places))
	for i, place := range places {
		picked[i] = values[place]
	}
	return picked
}

// BroadcastInDim implements compute.StandardOps: the axes of x are put in their places, then expanded.
func (f *function) BroadcastInDim(x compute.Value, shape shapes.Shape, axes []int) (compute.Value, error) {
	v := x.(*value)
	if len(axes) != v.shape.Rank() {
		return nil, fmt.Errorf("ONNX export: cannot broadcast %s to %s by axes %v", v.shape, shape, axes)
	}
	dims := slices.Repeat([]int{1}, shape.Rank())
	for i, axis := range axes {
		dims[axis] = v.shape.Dimensions[i]
	}
	v = f.reshape(v, dims)
	if slices.Equal(dims, shape.Dimensions) {
		return v, nil
	}
	return f.add("Expand", shape, []*value{v, f.integers(shape.Dimensions...)}), nil
}

// Concatenate implements compute.StandardOps.
func (f *function) Concatenate(axis int, operands ...compute.Value) (compute.Value, error) {
	var parts []*value
	var inputs []shapes.Shape
	for _, operand := range operands {
		parts = append(parts, operand.(*value))
		inputs = append(inputs, operand.(*value).shape)
	}
	shape, err := shapeinference.Concatenate(inputs, axis)
	if err != nil || len(parts) == 1 {
		return parts[0], err
	}
	return f.add("Concat", shape, parts, attribute{"axis", axis}), nil
}

// Slice implements compute.StandardOps.
func (f *function) Slice(x compute.Value, starts, limits, strides []int) (compute.Value, error) {
	v := x.(*value)
	if len(strides) == 0 {
		strides = slices.Repeat([]int{1}, v.shape.Rank())
	}
	shape, err := shapeinference.Slice(v.shape, starts, limits, strides)
	if err != nil {
		return nil, err
	}
	return f.slice(v, shape, f.integers(starts...), f.integers(limits...), strides), nil
}

func (f *function) slice(v *value, shape shapes.Shape, starts, limits *value, strides []int) *value {
	axes := make([]int, v.shape.Rank())
	for axis := range axes {
		axes[axis] = axis
	}
	return f.add("Slice", shape, []*value{v, starts, limits, f.integers(axes...), f.integers(strides...)})
}

// DynamicSlice implements compute.StandardOps for starts that are constants.
func (f *function) DynamicSlice(x compute.Value, starts []compute.Value, sizes []int) (compute.Value, error) {
	v := x.(*value)
	shape, err := shapeinference.DynamicSlice(v.shape, sizes)
	if err != nil {
		return nil, err
	}
	first, last := make([]int, len(sizes)), make([]int, len(sizes))
	for axis, start := range starts {
		at, constant := start.(*value).scalarOf()
		if !constant {
			return nil, fmt.Errorf("ONNX export knows DynamicSlice at constant places only: %w", compute.ErrNotImplemented)
		}
		first[axis] = max(0, min(at, v.shape.Dimensions[axis]-sizes[axis]))
		last[axis] = first[axis] + sizes[axis]
	}
	return f.slice(v, shape, f.integers(first...), f.integers(last...), slices.Repeat([]int{1}, len(sizes))), nil
}

// Pad implements compute.StandardOps. ONNX has no padding between elements: an axis is split into [n, 1], the 1 is padded,
// both are joined again, and what follows the last element is cut off.
func (f *function) Pad(x, fill compute.Value, axes ...compute.PadAxis) (compute.Value, error) {
	v := x.(*value)
	if _, err := shapeinference.Pad(v.shape, axes...); err != nil {
		return nil, err
	}
	rank := v.shape.Rank()
	begin, end := make([]int, rank), make([]int, rank)
	for axis, pad := range axes {
		begin[axis], end[axis] = pad.Start, pad.End
		n := v.shape.Dimensions[axis]
		if pad.Interior == 0 || n == 0 {
			continue
		}
		spread := slices.Insert(slices.Clone(v.shape.Dimensions), axis+1, 1)
		behind := make([]int, rank+1)
		behind[axis+1] = pad.Interior
		joined := slices.Clone(v.shape.Dimensions)
		joined[axis] = n * (1 + pad.Interior)
		v = f.reshape(f.pad(f.reshape(v, spread), fill.(*value), make([]int, rank+1), behind), joined)
		end[axis] -= pad.Interior
	}
	return f.pad(v, fill.(*value), begin, end), nil
}

// pad adds begin and end values along each axis; a negative number cuts values off.
func (f *function) pad(v, fill *value, begin, end []int) *value {
	dims := slices.Clone(v.shape.Dimensions)
	for axis := range dims {
		dims[axis] += begin[axis] + end[axis]
	}
	pads := slices.Concat(begin, end)
	if !slices.ContainsFunc(pads, func(n int) bool { return n != 0 }) {
		return v
	}
	return f.add("Pad", shapes.Make(v.shape.DType, dims...), []*value{v, f.integers(pads...), fill})
}
