package net

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// GumbelSoftmax makes a choice among categories that a gradient can pass through. logits: [..., V] float, the logarithms
// of the categories' probabilities up to a constant; the result has the same shape, is ≥ 0, and sums to 1 along the last
// axis. While training it is a random sample,
//
//	softmax((logits + γ) / temperature),    γ = -log(-log(u)), u uniform in (0, 1)
//
// whose largest element is at each category with just the probability softmax(logits). The lower the temperature (> 0),
// the closer the sample is to one-hot, and the larger the variance of its gradient. StraightThrough makes it one-hot.
// When not training it is the likeliest category, one-hot and without noise; of several, the first.
//
// Jang, Gu and Poole, "Categorical reparameterization with Gumbel-softmax", 2016, arXiv:1611.01144; Maddison, Mnih and
// Teh, "The concrete distribution", 2016, arXiv:1611.00712.
func GumbelSoftmax(scope *model.Scope, logits *Node, temperature float64) *Node {
	if !(temperature > 0) {
		panic(fmt.Errorf("GumbelSoftmax needs a temperature above 0, not %g", temperature))
	}
	if !scope.IsTraining(logits.Graph()) {
		return oneHotOfLargest(logits)
	}
	const smallest = 1e-9 // the logarithm of 0 is infinite
	u := MaxScalar(scope.Store().RandomUniform(logits.Graph(), logits.Shape()), smallest)
	noise := Neg(Log(Neg(Log(u))))
	return Softmax(DivScalar(Add(logits, noise), temperature))
}

// StraightThrough makes each vector of probabilities along the last axis one-hot, at its largest element, and passes the
// gradient on as if it had not: hard going forward, soft coming back. A critic of one-hot vectors then cannot tell real
// from fake by their softness; the price is that the gradient is biased. soft: [..., V]; the result has the same shape.
//
// Bengio, Léonard and Courville, "Estimating or propagating gradients through stochastic neurons", 2013,
// arXiv:1308.3432.
func StraightThrough(soft *Node) *Node {
	return Add(oneHotOfLargest(soft), Sub(soft, StopGradient(soft)))
}

// oneHotOfLargest is 1 at the largest element along the last axis, of several the first, and 0 elsewhere.
func oneHotOfLargest(x *Node) *Node {
	return OneHot(ArgMax(x, -1, dtypes.Int32), x.Shape().Dim(-1), x.DType())
}
