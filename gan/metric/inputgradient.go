package metric

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/sample"
)

// InputGradient returns ‖∇ₓD(x)‖ for each of the images x, with a critic built on the weights in store, in inference
// mode. critic maps [n, h, w, c] to [n, 1], or to [n, 1+classes], of which the first column counts. Gradient penalties
// want these norms at 1 (WGAN-GP) or small near real images (R1); norms near 0 leave the generator nothing to follow.
func InputGradient(backend compute.Backend, store *model.Store, critic func(images *Node) *Node, images sample.Images) (
	norms []float64, err error) {
	if images, err = seen(images); err != nil {
		return nil, err
	}
	x := tensors.FromFlatDataAndDimensions(images.Values, images.N, images.Height, images.Width, images.Channels)
	out, err := model.CallOnce(backend, store, func(_ *model.Scope, x *Node) *Node {
		store.SetTraining(x.Graph(), false)
		logits := Slice(critic(x), AxisRange(), AxisRange(0, 1))
		gradient := Gradient(ReduceAllSum(logits), x)[0]
		return Sqrt(ReduceSum(Square(gradient), 1, 2, 3))
	}, x)
	if err != nil {
		return nil, fmt.Errorf("gradient of the critic by its input: %w", err)
	}
	values, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		return nil, fmt.Errorf("gradient of the critic by its input: %w", err)
	}
	for _, v := range values {
		norms = append(norms, float64(v))
	}
	return norms, nil
}
