package net

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// Conv1D is a convolution over time that keeps the length, plus a bias. size is odd; the ends are padded with zeros.
// x: [batch, T, in]; the result: [batch, T, out]:
//
//	y_t = Σ_k x_{t+k-size/2}·W_k + b,    k = 0 … size-1
//
// W ("weights": [size, in, out]) starts Glorot uniform and b ("biases": [out]) zero. It can be differentiated any
// number of times.
func Conv1D(scope *model.Scope, x *Node, out, size int) *Node {
	if x.Rank() != 3 || size < 1 || size%2 == 0 {
		panic(fmt.Errorf("Conv1D needs sequences [batch, T, features] and an odd size, not %s and %d", x.Shape(), size))
	}
	steps, in := x.Shape().Dim(1), x.Shape().Dim(2)
	w := weights(WithGlorot(scope), x, size, in, out)
	if size > 1 {
		padded := surround(x, 1, size/2, steps+size-1)
		shifted := make([]*Node, size)
		for k := range shifted {
			shifted[k] = interval(padded, 1, k, steps)
		}
		x = join(2, shifted...)
	}
	return addBias(scope, MatMul(x, Reshape(w, size*in, out)))
}
