package keepgomlx

import (
	"slices"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
)

// keptTensor stands in for a tensor.
type keptTensor struct {
	Shape shapes.Shape
	Data  []byte // row-major, as in memory
}

func keptTensorOf(t *tensors.Tensor) (any, error) {
	if err := t.CheckValid(); err != nil {
		return nil, errFinalized("tensor")
	}
	k := keptTensor{Shape: t.Shape()}
	if err := t.ConstBytes(func(data []byte) { k.Data = slices.Clone(data) }); err != nil {
		return nil, err
	}
	return k, nil
}

// Restored returns a tensor in this process' memory.
func (k keptTensor) Restored() (any, error) { return tensors.FromRaw(nil, 0, k.Shape, k.Data) }
