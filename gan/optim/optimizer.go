package optim

import (
	"fmt"
	"strings"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/setting"
)

// Optimizer makes changes of gradients. Implementations are comparable values.
type Optimizer interface {
	// Update takes one gradient for each of the state's variables, of its shape, and returns what is to be subtracted from each.
	// What it is to remember it leaves in the state. It is built into a graph, writes no variable, and panics on what
	// cannot be built. It may be called several times with one state, each time for a further update.
	Update(s *State, gradients []*Node) []*Node

	// Settings lists what can be changed while a run trains, with different names. Update reads a present value by
	// [State.Setting], never from a field.
	Settings() []setting.Setting

	// Check returns an error, one line, where a constant or a setting is out of its range.
	Check() error

	// String names the optimizer and its constants, as kept in checkpoints.
	String() string
}

// Canonical is an optimizer's String as this version writes it, from one that the version before may have written: there a β₁ of 0 was
// said by -1.
func Canonical(text string) string { return strings.ReplaceAll(text, "beta1 -1 ", "beta1 0 ") }

// SettingRate is the name of the setting that all optimizers of this package which descend have: how far they go.
const SettingRate = "rate"

const (
	settingDecay     = "decay"      // of weights
	settingShare     = "share"      // of Lookahead
	settingClipNorm  = "clip-norm"  // of ClipNorm
	settingClipValue = "clip-value" // of ClipValue
)

// checkSettings returns an error for the first setting whose own value is out of its range.
func checkSettings(name string, all []setting.Setting) error {
	for _, s := range all {
		if err := s.Allows(s.Value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// checkDecay returns an error for a decay of a mean that is none: one outside of [0, 1).
func checkDecay(name, field string, value float64) error {
	if value >= 0 && value < 1 {
		return nil
	}
	return fmt.Errorf("%s: %s %g must lie in [0, 1)", name, field, value)
}

// checkEpsilon returns an error for an ε that is negative or no number, and for a division by the bare size of the present
// gradient, which is what fields that were left out would mean. with is the function that fills them in.
func checkEpsilon(name, with string, epsilon float64, field string, decay float64) error {
	switch {
	case !(epsilon >= 0 && epsilon <= 1e38):
		return fmt.Errorf("%s: Epsilon %g must be finite and not negative", name, epsilon)
	case epsilon == 0 && decay == 0:
		return fmt.Errorf("%s: Epsilon and %s are both 0, which leaves the gradients' signs: make it with %s", name, field, with)
	}
	return nil
}

// checkHeld is the Check of an optimizer that another holds.
func checkHeld(holder string, o Optimizer) error {
	if o == nil {
		return fmt.Errorf("%s: there is no optimizer in it", holder)
	}
	return o.Check()
}

// together lists the settings of several parts under different names, and tells for each part what its own are called there.
func together(parts ...[]setting.Setting) (all []setting.Setting, names []map[string]string) {
	for _, part := range parts {
		all = append(all, part...)
	}
	all = setting.Numbered(all)
	next := 0
	for _, part := range parts {
		of := map[string]string{}
		for _, s := range part {
			of[s.Name] = all[next].Name
			next++
		}
		names = append(names, of)
	}
	return all, names
}

// settingsOf are those of an optimizer that another holds, which Check may yet find to be none.
func settingsOf(o Optimizer) []setting.Setting {
	if o == nil {
		return nil
	}
	return o.Settings()
}
