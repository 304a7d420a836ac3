package net

import (
	"fmt"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// Dropout sets each value to zero with the probability rate, in [0, 1), and scales the others by 1/(1-rate), while
// training; otherwise it is the identity. Each call draws anew from the store's random state.
//
// Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.
func Dropout(scope *model.Scope, x *Node, rate float64) *Node {
	if !(rate >= 0 && rate < 1) {
		panic(fmt.Errorf("Dropout: the rate %g must be in [0, 1)", rate))
	}
	if rate == 0 || !scope.IsTraining(x.Graph()) {
		return x
	}
	drawn := scope.Store().RandomUniform(x.Graph(), shapes.Make(masterDType(x), x.Shape().Dimensions...))
	kept := GreaterOrEqual(drawn, Scalar(x.Graph(), drawn.DType(), rate))
	return Where(kept, MulScalar(x, 1/(1-rate)), ScalarZero(x.Graph(), x.DType()))
}
