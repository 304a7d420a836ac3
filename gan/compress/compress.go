// Package compress makes the weights of a trained generator smaller, and measures what that costs.
//
// The forms are plain safetensors files, so each can be saved, loaded, and turned into another:
//
//   - [Prune] sets the smallest weights to zero; [Tune] then trains what is left to imitate the whole generator, and needs
//     no data for it. A [Mask] says which weights are left. [Sparse] stores only those.
//   - [Int8] stores each weight in 8 bits, with one scale per output channel; [Float16] and [BFloat16] in 16.
//   - [Expand] turns any of them back into float32 weights for train.NewGenerator, [With] into a generator, and [Load] reads
//     them from a file.
//
// [Measure] puts size, speed and fidelity of several forms beside those of the original.
//
// Han, Mao and Dally, "Deep compression", 2015, arXiv:1510.00149, combine pruning and quantisation: Sparse(Int8(w)) of
// pruned weights w. All forms are forms of storage: a generator made of them computes in float32, as fast as the
// original.
package compress

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"

	"gantry.local/gan/safetensors"
)

// Names of the parts that a compressed tensor is stored in, after its own.
const (
	scaleSuffix  = ".scale"  // Int8: float32, one per output channel
	bitmapSuffix = ".bitmap" // Sparse: one bit per weight, set where it is not zero, lowest bit first
	valuesSuffix = ".values" // Sparse: the weights that are not zero, in order
	shapeKey     = "shape "  // Sparse, metadata: the shape of the whole
)

// Int8 stores matrices and kernels in 8 bits. Each output channel (the last axis) has a scale of its own, its largest
// magnitude divided by 127:
//
//	q = round(w / s),  w ≈ s·q,  |w - s·q| ≤ s/2
//
// Vectors (biases, the terms of a normalisation) are few, and stay as they are. weights must be float32.
//
// Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference", 2017,
// arXiv:1712.05877.
func Int8(weights *safetensors.File) (*safetensors.File, error) {
	return convert(weights, func(t safetensors.Tensor, values []float32) []safetensors.Tensor {
		if len(t.Shape) < 2 || len(values) == 0 {
			return []safetensors.Tensor{t}
		}
		channels := t.Shape[len(t.Shape)-1]
		scales := make([]float32, channels)
		for i, v := range values {
			scales[i%channels] = max(scales[i%channels], float32(math.Abs(float64(v)))/127)
		}
		q := safetensors.Tensor{Name: t.Name, DType: "I8", Shape: t.Shape, Data: make([]byte, len(values))}
		for i, v := range values {
			if scale := scales[i%channels]; scale > 0 {
				level := math.RoundToEven(float64(v) / float64(scale))
				q.Data[i] = byte(int8(max(-127, min(127, level))))
			}
		}
		return []safetensors.Tensor{q, floats(t.Name+scaleSuffix, []int{channels}, scales)}
	})
}

// Float16 stores every weight as IEEE half precision: 11 significant bits, at most 65504. weights must be float32.
func Float16(weights *safetensors.File) (*safetensors.File, error) {
	return halves(weights, "F16", func(v float32) uint16 { return float16.FromFloat32(v).Bits() })
}

// BFloat16 stores every weight as the upper half of a float32, rounded: 8 significant bits, the range of float32. weights
// must be float32.
func BFloat16(weights *safetensors.File) (*safetensors.File, error) {
	return halves(weights, "BF16", func(v float32) uint16 { return bfloat16.FromFloat32(v).Bits() })
}

func halves(weights *safetensors.File, dtype string, bits func(float32) uint16) (*safetensors.File, error) {
	return convert(weights, func(t safetensors.Tensor, values []float32) []safetensors.Tensor {
		half := safetensors.Tensor{Name: t.Name, DType: dtype, Shape: t.Shape, Data: make([]byte, 0, 2*len(values))}
		for _, v := range values {
			half.Data = binary.LittleEndian.AppendUint16(half.Data, bits(v))
		}
		return []safetensors.Tensor{half}
	})
}

// convert replaces each tensor, all of them float32, by others.
func convert(weights *safetensors.File, change func(safetensors.Tensor, []float32) []safetensors.Tensor) (*safetensors.File, error) {
	out := &safetensors.File{Metadata: maps.Clone(weights.Metadata)}
	for _, t := range weights.Tensors {
		values, err := decode(t)
		if err != nil {
			return nil, err
		}
		if t.DType != "F32" {
			return nil, fmt.Errorf("tensor %s is %s: only float32 weights can be compressed, expand them first", t.Name, t.DType)
		}
		out.Tensors = append(out.Tensors, change(t, values)...)
	}
	return out, nil
}

// Sparse stores of each tensor with many zeros a bitmap and the other values, whatever their dtype. A tensor that would
// not become smaller stays as it is.
func Sparse(weights *safetensors.File) (*safetensors.File, error) {
	out := &safetensors.File{Metadata: maps.Clone(weights.Metadata)}
	if out.Metadata == nil {
		out.Metadata = map[string]string{}
	}
	for _, t := range weights.Tensors {
		n := count(t.Shape)
		if n <= 0 || len(t.Data)%n != 0 {
			out.Tensors = append(out.Tensors, t)
			continue
		}
		size := len(t.Data) / n
		zero := make([]byte, size)
		bitmap := make([]byte, (n+7)/8)
		var kept []byte
		for i := range n {
			if element := t.Data[i*size : (i+1)*size]; !bytes.Equal(element, zero) {
				bitmap[i/8] |= 1 << (i % 8)
				kept = append(kept, element...)
			}
		}
		if len(bitmap)+len(kept) >= len(t.Data) {
			out.Tensors = append(out.Tensors, t)
			continue
		}
		out.Metadata[shapeKey+t.Name] = shapeText(t.Shape)
		out.Tensors = append(out.Tensors,
			safetensors.Tensor{Name: t.Name + bitmapSuffix, DType: "U8", Shape: []int{len(bitmap)}, Data: bitmap},
			safetensors.Tensor{Name: t.Name + valuesSuffix, DType: t.DType, Shape: []int{len(kept) / size}, Data: kept})
	}
	return out, nil
}

// Expand turns weights in any form of this package into float32 weights with their own names and shapes.
func Expand(compressed *safetensors.File) (*safetensors.File, error) {
	out := &safetensors.File{Metadata: map[string]string{}}
	for key, text := range compressed.Metadata {
		if !strings.HasPrefix(key, shapeKey) {
			out.Metadata[key] = text
		}
	}
	dense, err := fill(compressed)
	if err != nil {
		return nil, err
	}
	file := &safetensors.File{Tensors: dense}
	for _, t := range dense {
		if owner, found := strings.CutSuffix(t.Name, scaleSuffix); found {
			if q, found := file.Tensor(owner); found && q.DType == "I8" {
				continue
			}
		}
		values, err := decode(t)
		if err != nil {
			return nil, err
		}
		if t.DType == "I8" {
			scale, found := file.Tensor(t.Name + scaleSuffix)
			scales, err := decode(scale)
			if !found || err != nil || len(t.Shape) == 0 || len(scales) != t.Shape[len(t.Shape)-1] {
				return nil, fmt.Errorf("tensor %s is int8 and lacks the scales of its output channels", t.Name)
			}
			for i := range values {
				values[i] *= scales[i%len(scales)]
			}
		}
		out.Tensors = append(out.Tensors, floats(t.Name, t.Shape, values))
	}
	return out, nil
}

// maxFilled is the most values of all sparse tensors of a file, a gigabyte as float32: a bitmap of zeros claims 32 times
// its own size.
const maxFilled = 1 << 28

// fill puts the zeros of sparse tensors back.
func fill(compressed *safetensors.File) ([]safetensors.Tensor, error) {
	var out []safetensors.Tensor
	filled := 0
	for _, t := range compressed.Tensors {
		owner, isBitmap := strings.CutSuffix(t.Name, bitmapSuffix)
		text, sparse := compressed.Metadata[shapeKey+owner]
		if !isBitmap || !sparse {
			whole, isValues := strings.CutSuffix(t.Name, valuesSuffix)
			if _, sparse := compressed.Metadata[shapeKey+whole]; !isValues || !sparse {
				out = append(out, t)
			}
			continue
		}
		kept, found := compressed.Tensor(owner + valuesSuffix)
		shape, err := parseShape(text)
		n := count(shape)
		damaged := fmt.Errorf("tensor %s of shape %q does not fit its bitmap: the file is damaged", owner, text)
		// The bitmap is in the file, so it bounds what the shape may claim.
		if !found || err != nil || n <= 0 || (n+7)/8 != len(t.Data) || len(kept.Shape) != 1 || kept.Shape[0] == 0 && len(kept.Data) > 0 {
			return nil, damaged
		}
		size, err := width(kept.DType)
		if err != nil {
			return nil, err
		}
		if filled += n; filled > maxFilled {
			return nil, fmt.Errorf("its sparse tensors have more than %d values: that is no file of weights", maxFilled)
		}
		whole := safetensors.Tensor{Name: owner, DType: kept.DType, Shape: shape, Data: make([]byte, n*size)}
		rest := kept.Data
		for i := range n {
			if t.Data[i/8]>>(i%8)&1 == 0 {
				continue
			}
			if len(rest) < size {
				return nil, damaged
			}
			copy(whole.Data[i*size:], rest[:size])
			rest = rest[size:]
		}
		if len(rest) > 0 {
			return nil, damaged
		}
		out = append(out, whole)
	}
	return out, nil
}

// decode returns a tensor's values; int8 without its scale.
func decode(t safetensors.Tensor) ([]float32, error) {
	size, err := width(t.DType)
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	values := make([]float32, len(t.Data)/size)
	for i := range values {
		switch data := t.Data[i*size:]; t.DType {
		case "I8":
			values[i] = float32(int8(data[0]))
		case "F16":
			values[i] = float16.FromBits(binary.LittleEndian.Uint16(data)).Float32()
		case "BF16":
			values[i] = bfloat16.FromBits(binary.LittleEndian.Uint16(data)).Float32()
		default:
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data))
		}
	}
	return values, nil
}

// width is the number of bytes of one value.
func width(dtype string) (int, error) {
	switch dtype {
	case "I8":
		return 1, nil
	case "F16", "BF16":
		return 2, nil
	case "F32":
		return 4, nil
	}
	return 0, fmt.Errorf("dtype %q is none of the compressed forms (want F32, F16, BF16 or I8)", dtype)
}

// floats makes a float32 tensor.
func floats(name string, shape []int, values []float32) safetensors.Tensor {
	t := safetensors.Tensor{Name: name, DType: "F32", Shape: slices.Clone(shape), Data: make([]byte, 0, 4*len(values))}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}
