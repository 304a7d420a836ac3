package optim

import (
	"cmp"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/setting"
)

// Lion goes by the sign of a momentum, so all weights move by the rate (Chen et al., "Symbolic discovery of optimization
// algorithms", 2023, arXiv:2302.06675):
//
//	θ ← θ - rate · (sign(β₁m + (1-β₁)g) + decay · θ)    m ← β₂m + (1-β₂)g
//
// Its rate is to be three to ten times smaller than Adam's, and its decay that much larger. It keeps one number per weight.
// The sign has no slope: who looks ahead through it sees only the decay.
type Lion struct {
	Rate        float64 // a setting; at least 0
	Beta1       float64 // share of the momentum in the direction, in [0, 1)
	Beta2       float64 // decay of the momentum, in [0, 1)
	WeightDecay float64 // a setting; at least 0
}

// NewLion returns Lion with the paper's β₁ and β₂, 0.9 and 0.99, and no decay.
func NewLion(rate float64) Lion { return Lion{Rate: rate, Beta1: 0.9, Beta2: 0.99} }

// Update implements Optimizer.
func (o Lion) Update(s *State, gradients []*Node) []*Node {
	rate, means := s.Setting(SettingRate), s.Slots("m")
	changes := make([]*Node, len(gradients))
	for i, gradient := range gradients {
		direction := Sign(Add(MulScalar(means[i], o.Beta1), MulScalar(gradient, 1-o.Beta1)))
		changes[i] = Mul(direction, rate)
		means[i] = Add(MulScalar(means[i], o.Beta2), MulScalar(gradient, 1-o.Beta2))
	}
	s.SetSlots("m", means)
	return decayed(changes, s.Values(), Mul(rate, s.Setting(settingDecay)))
}

// Settings implements Optimizer.
func (o Lion) Settings() []setting.Setting {
	return []setting.Setting{setting.NonNegative(SettingRate, o.Rate), setting.NonNegative(settingDecay, o.WeightDecay)}
}

// Check implements Optimizer.
func (o Lion) Check() error {
	return cmp.Or(checkSettings("lion", o.Settings()), checkDecay("lion", "Beta1", o.Beta1), checkDecay("lion", "Beta2", o.Beta2))
}

// String implements Optimizer.
func (o Lion) String() string {
	return withDecay(fmt.Sprintf("lion rate %g beta1 %g beta2 %g", o.Rate, o.Beta1, o.Beta2), o.WeightDecay)
}
