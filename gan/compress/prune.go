package compress

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"gantry.local/gan/safetensors"
)

// Mask says which weights a pruning left: per name of a tensor one value per weight, 1 left and 0 pruned. A tensor that
// is not in it was not pruned.
type Mask map[string][]float32

// Scope says among which weights Prune looks for the smallest.
type Scope uint8

const (
	// Global compares the weights of all layers with each other: layers whose weights are small lose more.
	Global Scope = iota

	// PerLayer takes the same share of every layer.
	PerLayer
)

// String returns "global" or "per layer".
func (s Scope) String() string {
	if s == PerLayer {
		return "per layer"
	}
	return "global"
}

// Prune sets the given share of the weights of matrices and kernels to zero, those of the smallest magnitude, and says
// which are left. Biases and the terms of normalisations stay. share: 0 to 1; weights must be float32 and are not
// changed.
//
// Han, Pool, Tran and Dally, "Learning both weights and connections for efficient neural networks", 2015,
// arXiv:1506.02626.
func Prune(weights *safetensors.File, share float64, scope Scope) (*safetensors.File, Mask, error) {
	if !(share >= 0 && share <= 1) {
		return nil, nil, fmt.Errorf("cannot prune a share of %g: want 0 to 1", share)
	}
	type weight struct {
		name      string
		place     int
		magnitude float32
	}
	var groups [][]weight
	mask := Mask{}
	for _, t := range weights.Tensors {
		values, err := decode(t)
		if err != nil || t.DType != "F32" {
			return nil, nil, fmt.Errorf("tensor %s is %s: only float32 weights can be pruned", t.Name, t.DType)
		}
		if len(t.Shape) < 2 {
			continue
		}
		group := make([]weight, len(values))
		for i, v := range values {
			group[i] = weight{t.Name, i, float32(math.Abs(float64(v)))}
		}
		mask[t.Name] = slices.Repeat([]float32{1}, len(values))
		if scope == Global && len(groups) > 0 {
			groups[0] = append(groups[0], group...)
			continue
		}
		groups = append(groups, group)
	}
	for _, group := range groups {
		slices.SortStableFunc(group, func(a, b weight) int { return cmp.Compare(a.magnitude, b.magnitude) })
		for _, w := range group[:int(math.Round(share*float64(len(group))))] {
			mask[w.name][w.place] = 0
		}
	}
	pruned, err := mask.Apply(weights)
	return pruned, mask, err
}

// Apply returns a copy of weights, which must be float32, with those that the mask prunes at zero.
func (m Mask) Apply(weights *safetensors.File) (*safetensors.File, error) {
	for name, kept := range m {
		if t, found := weights.Tensor(name); !found || len(t.Data) != 4*len(kept) {
			return nil, fmt.Errorf("the mask belongs to other weights: it has %d values for %s", len(kept), name)
		}
	}
	return convert(weights, func(t safetensors.Tensor, values []float32) []safetensors.Tensor {
		for i, kept := range m[t.Name] {
			if kept == 0 {
				values[i] = 0
			}
		}
		return []safetensors.Tensor{floats(t.Name, t.Shape, values)}
	})
}

// Share returns the share of the masked tensors' weights that is pruned, 0 for an empty mask.
func (m Mask) Share() float64 {
	pruned, all := 0, 0
	for kept := range maps.Values(m) {
		all += len(kept)
		for _, k := range kept {
			if k == 0 {
				pruned++
			}
		}
	}
	return float64(pruned) / float64(max(1, all))
}
