package loss

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// normEpsilon is added under the root of a gradient's norm, ‖g‖ = √(Σg² + ε). The root's derivative at 0 would be
// infinite, and infinity times the square's derivative 0 is NaN; with ε it is 0. A norm of 1 is off by 5e-13, which
// float32 does not see, and one of 0 is 1e-6.
const normEpsilon = 1e-12

// squaredSlopes returns ‖∇D(x)‖² of each image, [batch].
//
// The gradient of the sum of all logits by the images is, row by row, the gradient of each logit by its own image, as
// long as the critic judges each image alone (see [Penalty]). The images are held constant, so that the result can be
// differentiated by the critic's weights only.
func squaredSlopes(critic func(images *Node) *Node, images *Node) *Node {
	// GoMLX takes no gradient by a node that is itself a StopGradient, hence one more node behind it.
	images = Identity(StopGradient(images))
	slopes := Gradient(ReduceAllSum(verdicts(critic(images))), images)[0]
	return ReduceSum(Square(Reshape(slopes, images.Shape().Dimensions[0], -1)), -1)
}

// slopes returns ‖∇D(x)‖ of each image, [batch], > 0.
func slopes(critic func(images *Node) *Node, images *Node) *Node {
	return Sqrt(AddScalar(squaredSlopes(critic, images), normEpsilon))
}

// verdicts returns column 0 of a critic's output, [batch, 1]: what is left are class logits. The column is picked by a
// sum, as the gradient of a slice cannot be differentiated again.
func verdicts(logits *Node) *Node {
	if logits.Rank() != 2 {
		panic(fmt.Errorf("loss: a critic returned logits of shape %s, want [batch, 1] or [batch, 1+classes]", logits.Shape()))
	}
	columns := logits.Shape().Dimensions[1]
	if columns == 1 {
		return logits
	}
	first := OneHot(Zeros(logits.Graph(), shapes.Make(dtypes.Int32, 1)), columns, logits.DType())
	return ReduceAndKeep(Mul(logits, first), ReduceSum, -1)
}

// sameShape panics where real and fake images cannot be paired.
func sameShape(real, fake *Node) {
	if !real.Shape().Equal(fake.Shape()) {
		panic(fmt.Errorf("loss: real images %s and fake images %s, want one shape", real.Shape(), fake.Shape()))
	}
}
