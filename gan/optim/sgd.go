package optim

import (
	"cmp"
	"errors"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/net"
	"gantry.local/gan/setting"
)

// SGD is descent along the gradient, with momentum where it is wanted. As in PyTorch
//
//	m ← μm + g    θ ← θ - rate · m    with Nesterov  θ ← θ - rate · (g + μm)
//
// Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Sutskever et al., "On the importance of
// initialization and momentum in deep learning", 2013. A game needs none or even a negative momentum: Gidel et al.,
// "Negative momentum for improved game dynamics", 2018, arXiv:1807.04740.
type SGD struct {
	Rate     float64 // a setting; at least 0
	Momentum float64 // μ, in (-1, 1)
	Nesterov bool    // look one step of momentum ahead
}

// Update implements Optimizer.
func (o SGD) Update(s *State, gradients []*Node) []*Node {
	rate := s.Setting(SettingRate)
	changes := make([]*Node, len(gradients))
	if o.Momentum == 0 {
		for i, gradient := range gradients {
			changes[i] = Mul(gradient, rate)
		}
		return changes
	}
	means := s.Slots("m")
	for i, gradient := range gradients {
		means[i] = net.Once(Add(MulScalar(means[i], o.Momentum), gradient), rate)
		direction := means[i]
		if o.Nesterov {
			direction = Add(gradient, MulScalar(means[i], o.Momentum))
		}
		changes[i] = Mul(direction, rate)
	}
	s.SetSlots("m", means)
	return changes
}

// Settings implements Optimizer.
func (o SGD) Settings() []setting.Setting {
	return []setting.Setting{setting.NonNegative(SettingRate, o.Rate)}
}

// Check implements Optimizer.
func (o SGD) Check() error {
	var err error
	switch {
	case !(o.Momentum > -1 && o.Momentum < 1):
		err = fmt.Errorf("sgd: Momentum %g must lie in (-1, 1)", o.Momentum)
	case o.Nesterov && o.Momentum == 0:
		err = errors.New("sgd: Nesterov needs a Momentum")
	}
	return cmp.Or(checkSettings("sgd", o.Settings()), err)
}

// String implements Optimizer.
func (o SGD) String() string {
	text := fmt.Sprintf("sgd rate %g momentum %g", o.Rate, o.Momentum)
	if o.Nesterov {
		text += " nesterov"
	}
	return text
}
