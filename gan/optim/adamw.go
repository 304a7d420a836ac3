package optim

import (
	"cmp"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/setting"
)

// AdamW is [Adam] with a decay of the weights beside it, not through its moments (Loshchilov and Hutter, "Decoupled weight
// decay regularization", 2017, arXiv:1711.05101). As in PyTorch the decay goes with the rate:
//
//	θ ← θ - Adam's change - rate · decay · θ
type AdamW struct {
	Adam
	WeightDecay float64 // a setting; at least 0
}

// NewAdamW returns AdamW with the ε of [NewAdam].
func NewAdamW(rate, beta1, beta2, weightDecay float64) AdamW {
	return AdamW{NewAdam(rate, beta1, beta2), weightDecay}
}

// Update implements Optimizer.
func (a AdamW) Update(s *State, gradients []*Node) []*Node {
	return decayed(a.Adam.Update(s, gradients), s.Values(), Mul(s.Setting(SettingRate), s.Setting(settingDecay)))
}

// Settings implements Optimizer.
func (a AdamW) Settings() []setting.Setting {
	return append(a.Adam.Settings(), setting.NonNegative(settingDecay, a.WeightDecay))
}

// Check implements Optimizer.
func (a AdamW) Check() error {
	return cmp.Or(checkSettings("adamw", a.Settings()), a.check("adamw", "NewAdamW"))
}

// String implements Optimizer.
func (a AdamW) String() string {
	return withDecay("adamw"+a.Adam.String()[len("adam"):], a.WeightDecay)
}
