package optim

import (
	"cmp"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/setting"
)

// Chain returns an optimizer of several: each is given what the one before it makes, the first the gradients.
//
//	optim.Chain(optim.ClipNorm(1), optim.NewAdam(1e-3, 0.5, 0.999)) // Adam of a clipped gradient
//
// Settings keep their names, and so do the variables that parts keep; of two that are alike the later is numbered.
func Chain(first Optimizer, then ...Optimizer) Optimizer {
	for _, next := range then {
		first = Chained{first, next}
	}
	return first
}

// Chained is what [Chain] makes of two.
type Chained struct{ First, Then Optimizer }

// Update implements Optimizer.
func (c Chained) Update(s *State, gradients []*Node) []*Node {
	_, names := c.settings()
	return c.Then.Update(s.forPart(1, names[1]), c.First.Update(s.forPart(0, names[0]), gradients))
}

// Settings implements Optimizer.
func (c Chained) Settings() []setting.Setting {
	all, _ := c.settings()
	return all
}

func (c Chained) settings() (all []setting.Setting, names []map[string]string) {
	return together(settingsOf(c.First), settingsOf(c.Then))
}

// Check implements Optimizer.
func (c Chained) Check() error {
	return cmp.Or(checkHeld("chain", c.First), checkHeld("chain", c.Then))
}

// String implements Optimizer. The last is named first, as in a formula, Adam of clipped gradients: "adam … clip norm 1".
func (c Chained) String() string { return fmt.Sprintf("%v %v", c.Then, c.First) }
