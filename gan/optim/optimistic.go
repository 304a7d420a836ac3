package optim

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/setting"
)

// Optimistic takes the next change to be like the present one and goes twice as far, less what it went too far before:
//
//	θ ← θ - 2c + c′    c the optimizer's change, c′ that of the update before
//
// Where two players circle around an equilibrium, as with a Wasserstein loss without a penalty, that ends the circling. Of SGD it is
// optimistic mirror descent, of Adam optimistic Adam: Daskalakis et al., "Training GANs with optimism", 2017, arXiv:1711.00141,
// algorithm 1. It keeps one more number per weight.
type Optimistic struct{ Of Optimizer }

// NewOptimisticAdam returns [Optimistic] of what [NewAdam] returns.
func NewOptimisticAdam(rate, beta1, beta2 float64) Optimistic {
	return Optimistic{NewAdam(rate, beta1, beta2)}
}

// Update implements Optimizer.
func (o Optimistic) Update(s *State, gradients []*Node) []*Node {
	_, names := together(o.Of.Settings())
	now, before := o.Of.Update(s.forPart(0, names[0]), gradients), s.Slots("before")
	s.SetSlots("before", now)
	changes := make([]*Node, len(now))
	for i := range now {
		changes[i] = Sub(MulScalar(now[i], 2), before[i])
	}
	return changes
}

// Settings implements Optimizer.
func (o Optimistic) Settings() []setting.Setting { return settingsOf(o.Of) }

// Check implements Optimizer.
func (o Optimistic) Check() error { return checkHeld("optimistic", o.Of) }

// String implements Optimizer.
func (o Optimistic) String() string { return fmt.Sprintf("optimistic %v", o.Of) }
