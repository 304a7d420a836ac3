package gan

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// dtypeOfLosses is what losses, penalties, gradients and weights are computed in, whatever the networks use.
const dtypeOfLosses = dtypes.Float32

// compute converts a network's input to the type that the experiment computes in. The layers of package net convert their
// float32 weights to the type of their input (mixed precision: Micikevicius et al., 2017, arXiv:1710.03740; bfloat16 has
// float32's range, so no loss scaling is needed).
func (e Experiment) compute(x *graph.Node) *graph.Node {
	if e.BFloat16 {
		return graph.ConvertDType(x, dtypes.BFloat16)
	}
	return x
}
