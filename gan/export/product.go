package export

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// DotGeneral implements compute.StandardOps as a MatMul of [batch, rows, inner] and [batch, inner, columns]. A product of
// two matrices is one MatMul and nothing else.
func (f *function) DotGeneral(lhs compute.Value, lhsInner, lhsBatch []int, rhs compute.Value, rhsInner, rhsBatch []int, config compute.DotGeneralConfig) (compute.Value, error) {
	a, b := lhs.(*value), rhs.(*value)
	shape, err := shapeinference.DotGeneral(a.shape, lhsInner, lhsBatch, b.shape, rhsInner, rhsBatch, config)
	if err != nil {
		return nil, err
	}
	if dtype := config.AccumulatorDType; dtype != dtypes.InvalidDType {
		for _, operand := range []**value{&a, &b} {
			wide, err := f.ConvertDType(*operand, dtype)
			if err != nil {
				return nil, err
			}
			*operand = wide.(*value)
		}
	}
	rows, columns := others(a, lhsInner, lhsBatch), others(b, rhsInner, rhsBatch)
	batch, inner := pick(a.shape.Dimensions, lhsBatch), product(pick(a.shape.Dimensions, lhsInner))
	height, width := product(pick(a.shape.Dimensions, rows)), product(pick(b.shape.Dimensions, columns))

	a = f.reshape(f.transpose(a, slices.Concat(lhsBatch, rows, lhsInner)), append(slices.Clone(batch), height, inner))
	b = f.reshape(f.transpose(b, slices.Concat(rhsBatch, rhsInner, columns)), append(slices.Clone(batch), inner, width))
	out := f.add("MatMul", shapes.Make(a.shape.DType, append(batch, height, width)...), []*value{a, b})
	return f.ConvertDType(f.reshape(out, shape.Dimensions), shape.DType)
}

// others lists the axes of v that are in neither list.
func others(v *value, inner, batch []int) []int {
	var axes []int
	for axis := range v.shape.Rank() {
		if !slices.Contains(inner, axis) && !slices.Contains(batch, axis) {
			axes = append(axes, axis)
		}
	}
	return axes
}

func product(values []int) int {
	n := 1
	for _, v := range values {
		n *= v
	}
	return n
}

// ConvGeneral implements compute.StandardOps. ONNX convolves [batch, channels, spatial…] with [out, in, spatial…]. Holes
// in the input (as of a transposed convolution) and negative padding are made beforehand by Pad.
func (f *function) ConvGeneral(x, kernel compute.Value, axes compute.ConvolveAxesConfig, strides []int, paddings [][2]int, inputDilations, kernelDilations []int, channelGroups, batchGroups int) (compute.Value, error) {
	v, k := x.(*value), kernel.(*value)
	shape, err := shapeinference.ConvGeneral(v.shape, k.shape, axes, strides, paddings, inputDilations, kernelDilations,
		channelGroups, batchGroups)
	if err != nil {
		return nil, err
	}
	if batchGroups > 1 {
		return nil, fmt.Errorf("ONNX export knows no convolution in groups of the batch: %w", compute.ErrNotImplemented)
	}
	v = f.transpose(v, slices.Concat([]int{axes.InputBatch, axes.InputChannels}, axes.InputSpatial))
	k = f.transpose(k, slices.Concat([]int{axes.KernelOutputChannels, axes.KernelInputChannels}, axes.KernelSpatial))

	spatial := len(axes.InputSpatial)
	ones := slices.Repeat([]int{1}, spatial)
	if len(strides) == 0 {
		strides = ones
	}
	if len(kernelDilations) == 0 {
		kernelDilations = ones
	}
	pads := make([]int, 2*spatial)
	before := make([]compute.PadAxis, 2+spatial)
	ahead := false
	for i := range spatial {
		if len(paddings) > 0 {
			pads[i], pads[spatial+i] = paddings[i][0], paddings[i][1]
			before[2+i].Start, before[2+i].End = paddings[i][0], paddings[i][1]
			ahead = ahead || paddings[i][0] < 0 || paddings[i][1] < 0
		}
		if len(inputDilations) > 0 {
			before[2+i].Interior = inputDilations[i] - 1
			ahead = ahead || inputDilations[i] > 1
		}
	}
	if ahead {
		zero, err := f.Constant([]float32{0})
		if err != nil {
			return nil, err
		}
		if zero, err = f.ConvertDType(zero, v.shape.DType); err != nil {
			return nil, err
		}
		padded, err := f.Pad(v, zero, before...)
		if err != nil {
			return nil, err
		}
		v, pads = padded.(*value), make([]int, 2*spatial)
	}
	places := slices.Concat([]int{axes.OutputBatch, axes.OutputChannels}, axes.OutputSpatial)
	out := f.add("Conv", shapes.Make(shape.DType, pick(shape.Dimensions, places)...), []*value{v, k},
		attribute{"strides", strides}, attribute{"pads", pads}, attribute{"dilations", kernelDilations},
		attribute{"group", max(1, channelGroups)})

	back := make([]int, len(places)) // axis i of the result is axis back[i] of ONNX'
	for i, place := range places {
		back[place] = i
	}
	return f.transpose(out, back), nil
}
