package compress

import (
	"fmt"
	"io"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
)

// With returns a generator of the same network as generator, which is not changed, with weights in any form of this
// package.
func With(generator *train.Generator, weights *safetensors.File) (*train.Generator, error) {
	expanded, err := Expand(weights)
	if err != nil {
		return nil, err
	}
	copied, err := generator.Clone()
	if err != nil {
		return nil, fmt.Errorf("copying the generator: %w", err)
	}
	own, err := copied.Weights()
	if err != nil {
		return nil, err
	}
	if len(expanded.Tensors) != len(own.Tensors) {
		return nil, fmt.Errorf("the weights belong to another network: %d tensors, want %d", len(expanded.Tensors), len(own.Tensors))
	}
	for _, t := range expanded.Tensors {
		v := copied.Store().GetVariable(copied.Scope() + "/" + t.Name)
		if v == nil || !v.Shape().Equal(shapes.Make(dtypes.Float32, t.Shape...)) {
			return nil, fmt.Errorf("the weights belong to another network: it has no tensor %s of %v", t.Name, t.Shape)
		}
		if err := t.CheckFinite(); err != nil {
			return nil, err
		}
		values, err := decode(t)
		if err != nil {
			return nil, err
		}
		if err := v.SetValue(tensors.FromFlatDataAndDimensions(values, t.Shape...)); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", t.Name, err)
		}
	}
	return copied, nil
}

// Load reads weights in any form of this package and expands them, for train.NewGenerator. They are written by
// safetensors.File.Save.
func Load(path string) (*safetensors.File, error) {
	compressed, err := safetensors.Load(path)
	if err != nil {
		return nil, err
	}
	expanded, err := Expand(compressed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return expanded, nil
}

// size is the number of bytes of a file on disk.
func size(file *safetensors.File) (int64, error) { return file.WriteTo(io.Discard) }
