package kind

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// PathLengths are how far images move with w, each in a random direction of images:
//
//	‖ J_wᵀ y ‖₂,    J_w = ∂G/∂w,    y ~ N(0, 1) / √(height·width)
//
// images: [batch, height, width, channels], made of w, [batch, n], each of its own; normal: N(0,1) of the images' shape. The result:
// [batch], ≥ 0. It can be differentiated by what images are made of. Karras et al., "Analyzing and improving the image quality of StyleGAN",
// 2019, arXiv:1912.04958, section 3.2. metric.PathLength measures trained generators along z instead.
//
// Stability: 1e-12 under the root, whose derivative at 0 would be infinite.
func PathLengths(images, w, normal *Node) *Node {
	if images.Rank() != 4 || w.Rank() != 2 || images.Shape().Dim(0) != w.Shape().Dim(0) {
		panic(fmt.Errorf("path lengths need images [batch, height, width, channels] of w [batch, n], not %s of %s", images.Shape(), w.Shape()))
	}
	y := MulScalar(normal, 1/math.Sqrt(float64(images.Shape().Dim(1)*images.Shape().Dim(2))))
	slopes := Gradient(ReduceAllSum(Mul(images, StopGradient(y))), w)[0]
	return Sqrt(AddScalar(ReduceSum(Square(slopes), -1), 1e-12))
}
