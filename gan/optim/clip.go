package optim

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/setting"
)

// ClipNorm scales a network's whole gradient down to this norm, at least 0 and a setting, where it is longer (Pascanu et al.,
// "On the difficulty of training recurrent neural networks", 2012, arXiv:1211.5063).
type ClipNorm float64

// Update implements Optimizer.
func (c ClipNorm) Update(s *State, gradients []*Node) []*Node {
	return ClipByNorm(gradients, s.Setting(settingClipNorm))
}

// Settings implements Optimizer.
func (c ClipNorm) Settings() []setting.Setting {
	return []setting.Setting{setting.NonNegative(settingClipNorm, float64(c))}
}

// Check implements Optimizer.
func (c ClipNorm) Check() error { return checkSettings("clip norm", c.Settings()) }

// String implements Optimizer.
func (c ClipNorm) String() string { return fmt.Sprintf("clip norm %g", float64(c)) }

// ClipByNorm scales gradients down to a norm of at most limit, a scalar, over all of them.
func ClipByNorm(gradients []*Node, limit *Node) []*Node {
	scale := Min(Div(limit, Norm(gradients)), Scalar(limit.Graph(), dtypes.Float32, 1))
	clipped := make([]*Node, len(gradients))
	for i, gradient := range gradients {
		clipped[i] = Mul(gradient, scale)
	}
	return clipped
}

// ClipValue holds each component of a gradient between minus and plus this number, at least 0 and a setting.
type ClipValue float64

// Update implements Optimizer.
func (c ClipValue) Update(s *State, gradients []*Node) []*Node {
	limit := s.Setting(settingClipValue)
	clipped := make([]*Node, len(gradients))
	for i, gradient := range gradients {
		clipped[i] = Max(Min(gradient, limit), Neg(limit))
	}
	return clipped
}

// Settings implements Optimizer.
func (c ClipValue) Settings() []setting.Setting {
	return []setting.Setting{setting.NonNegative(settingClipValue, float64(c))}
}

// Check implements Optimizer.
func (c ClipValue) Check() error { return checkSettings("clip value", c.Settings()) }

// String implements Optimizer.
func (c ClipValue) String() string { return fmt.Sprintf("clip value %g", float64(c)) }
