package train

import (
	"fmt"
	"strings"

	"gantry.local/gan/method"
)

// fork is Trainer.Fork.
func fork(t *Trainer, of method.Description) (branch *Trainer, fresh []string, err error) {
	if err := t.usable(); err != nil {
		return nil, nil, err
	}
	if branch, err = New(t.backend, of); err != nil {
		return nil, nil, err
	}
	if err := draw(branch); err != nil {
		return nil, nil, err
	}
	for v := range branch.ground.Store.IterVariables() {
		if strings.HasPrefix(v.Path(), dataScope+"/") {
			continue
		}
		from := t.ground.Store.GetVariable(v.Path())
		if from == nil || !from.Shape().Equal(v.Shape()) {
			fresh = append(fresh, v.Path()[1:])
			continue
		}
		if err := copyValue(v, from); err != nil {
			return nil, nil, fmt.Errorf("forking: %w", err)
		}
	}
	if err := beginAverages(branch, fresh); err != nil {
		return nil, nil, fmt.Errorf("forking: %w", err)
	}
	before, now := named(t.game, initial(t.game)), t.Settings()
	for i, name := range settingNames(branch.game) {
		if value, found := now[name]; found && branch.settings[i] == before[name] {
			branch.settings[i] = value
		}
	}
	drive, err := beginDriven(branch, driverState(t), t.place.calls)
	if err != nil {
		return nil, nil, fmt.Errorf("forking: %w", err)
	}
	drive()
	branch.place.step, branch.place.calls = t.place.step, t.place.calls
	return branch, fresh, nil
}
