package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// WithFeatures is what a critic returns that tells its features too: the logit [batch, 1] and, behind it, features [batch, n], as
// [batch, 1+n].
func WithFeatures(logit, features *Node) *Node { return Concatenate([]*Node{logit, features}, -1) }

// MLPFeatureCritic is MLPCritic with the 256 features below its head. x: [batch, height, width, channels] in [-1, 1]; the result:
// [batch, 1+256], see WithFeatures.
func MLPFeatureCritic(scope *model.Scope, x *Node) *Node {
	features := mlpFeatures(scope, x)
	return WithFeatures(Dense(scope.In("logit"), features, 1), features)
}
