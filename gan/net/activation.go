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
	leaking := func(by, x *Node) *Node {
		return Where(GreaterThan(by, ScalarZero(x.Graph(), x.DType())), x, MulScalar(x, slope))
	}
	y := leaking(x, x)
	if onCPU(x) && x.Rank() == 4 && slope > 0 { // images: y has x's sign, so x need not be kept for the gradient
		y = once(y)
		signs := StopGradient(y)
		y = WithAdjoints(y, LinearIn{x, func(gradient *Node) *Node { return leaking(signs, gradient) }})
	}
	return activated(y, x, slope)
}

// ReLU is max(x, 0).
func ReLU(x *Node) *Node {
	zero := ScalarZero(x.Graph(), x.DType())
	if !onCPU(x) {
		return Max(x, zero)
	}
	return activated(Where(GreaterThan(x, zero), x, zero), x, 0)
}
