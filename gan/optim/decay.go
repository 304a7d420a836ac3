package optim

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/setting"
)

// WeightDecay adds the weights, times itself, which is at least 0 and a setting. Before an optimizer of a [Chain] that is the
// gradient of the penalty decay/2 · ‖θ‖²; behind one the weights shrink by that part in each update, whatever the rate.
type WeightDecay float64

// Update implements Optimizer.
func (w WeightDecay) Update(s *State, gradients []*Node) []*Node {
	return decayed(gradients, s.Values(), s.Setting(settingDecay))
}

// Settings implements Optimizer.
func (w WeightDecay) Settings() []setting.Setting {
	return []setting.Setting{setting.NonNegative(settingDecay, float64(w))}
}

// Check implements Optimizer.
func (w WeightDecay) Check() error { return checkSettings("weight decay", w.Settings()) }

// String implements Optimizer.
func (w WeightDecay) String() string { return fmt.Sprintf("weight decay %g", float64(w)) }

// decayed adds factor times the weights to changes.
func decayed(changes, weights []*Node, factor *Node) []*Node {
	sums := make([]*Node, len(changes))
	for i, change := range changes {
		sums[i] = Add(change, Mul(weights[i], factor))
	}
	return sums
}

// withDecay adds a decay to the String of an optimizer that has one.
func withDecay(text string, decay float64) string { return fmt.Sprintf("%s decay %g", text, decay) }
