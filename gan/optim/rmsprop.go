package optim

import (
	"cmp"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/net"
	"gantry.local/gan/setting"
)

// RMSProp divides the gradient by a running mean of its size (Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012). As in PyTorch
//
//	v ← αv + (1-α)g²    θ ← θ - rate · g / (sqrt(v) + ε)
//
// The mean begins at 0 and is not corrected for that, so first steps are longer than the rate: by 1/sqrt(1-α) the first. It has no
// momentum, which is why WGAN's paper uses it, with a rate of 5e-5 (Arjovsky et al., 2017, arXiv:1701.07875).
type RMSProp struct {
	Rate    float64 // a setting; at least 0
	Decay   float64 // α, in [0, 1)
	Epsilon float64 // ε, at least 0
}

// NewRMSProp returns RMSProp with PyTorch's α and ε, 0.99 and 1e-8, which WGAN's authors used; the lecture's α is 0.9.
func NewRMSProp(rate float64) RMSProp { return RMSProp{Rate: rate, Decay: 0.99, Epsilon: 1e-8} }

// Update implements Optimizer.
func (o RMSProp) Update(s *State, gradients []*Node) []*Node {
	rate, squares := s.Setting(SettingRate), s.Slots("v")
	changes := make([]*Node, len(gradients))
	for i, gradient := range gradients {
		squares[i] = net.Once(Add(MulScalar(squares[i], o.Decay), MulScalar(Square(gradient), 1-o.Decay)), rate)
		changes[i] = Div(Mul(gradient, rate), AddScalar(rootOf(squares[i]), o.Epsilon))
	}
	s.SetSlots("v", squares)
	return changes
}

// Settings implements Optimizer.
func (o RMSProp) Settings() []setting.Setting {
	return []setting.Setting{setting.NonNegative(SettingRate, o.Rate)}
}

// Check implements Optimizer.
func (o RMSProp) Check() error {
	return cmp.Or(checkSettings("rmsprop", o.Settings()), checkDecay("rmsprop", "Decay", o.Decay),
		checkEpsilon("rmsprop", "NewRMSProp", o.Epsilon, "Decay", o.Decay))
}

// String implements Optimizer.
func (o RMSProp) String() string {
	return fmt.Sprintf("rmsprop rate %g decay %g epsilon %g", o.Rate, o.Decay, o.Epsilon)
}
