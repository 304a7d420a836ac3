package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// Maxout is the largest of several linear functions of x, for each of out units. x: [batch, in]; the result:
// [batch, out]. The weights ("weights": [in, out·pieces]) start by the scope's initializer.
//
// Goodfellow et al., "Maxout networks", 2013, arXiv:1302.4389.
func Maxout(scope *model.Scope, x *Node, out, pieces int) *Node {
	return ReduceMax(Reshape(Linear(scope, x, out*pieces), -1, out, pieces), 2)
}
