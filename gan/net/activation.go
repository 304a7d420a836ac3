package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// leak is the slope of LeakyReLU in the stable networks (Radford et al., 2015, arXiv:1511.06434).
const leak = 0.2

// LeakyReLU is max(x, 0) + slope·min(x, 0).
//
// Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
func LeakyReLU(x *Node, slope float64) *Node {
	return activated(Where(GreaterThan(x, ScalarZero(x.Graph(), x.DType())), x, MulScalar(x, slope)), x, slope)
}

// ReLU is max(x, 0).
func ReLU(x *Node) *Node {
	zero := ScalarZero(x.Graph(), x.DType())
	if !onCPU(x) {
		return Max(x, zero)
	}
	return activated(Where(GreaterThan(x, zero), x, zero), x, 0)
}
