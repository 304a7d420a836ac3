package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/method"
)

// beginAverages gives averages that nothing went into yet their network's own weights, so that what is drawn with them
// is what the network makes: all of them before the first step, and those that are fresh in a branch.
func beginAverages(t *Trainer, fresh []string) error {
	for _, a := range t.game.Averages {
		scope := t.game.AverageScope(a.Network)
		counter := t.ground.Store.GetVariable(scope + "Steps/" + method.AverageCount)
		if a.Decay == 0 || counter == nil {
			continue
		}
		count, err := counter.Value()
		if err != nil {
			return fmt.Errorf("averages: %w", err)
		}
		begun := count.Value().(float32) > 0
		for v := range t.ground.Store.IterVariables() {
			name, found := strings.CutPrefix(v.Path(), scope+"/")
			if !found || begun && !slices.Contains(fresh, v.Path()[1:]) {
				continue
			}
			of := t.ground.Store.GetVariable("/" + a.Network + "/" + name)
			if of == nil {
				continue // it belongs to no network: a step would not move it either
			}
			if err := copyValue(v, of); err != nil {
				return fmt.Errorf("averages: %w", err)
			}
		}
	}
	return nil
}

// copyValue gives a variable the value of another.
func copyValue(to, from *model.Variable) error {
	value, err := from.Value()
	if err != nil {
		return fmt.Errorf("variable %s: %w", from.Path(), err)
	}
	copied, err := value.LocalClone()
	if err == nil {
		err = to.SetValue(copied)
	}
	if err != nil {
		return fmt.Errorf("variable %s: %w", to.Path(), err)
	}
	return nil
}
