package gan

import (
	"fmt"
	"strings"
)

// Fork returns a second trainer that goes on from this one's state, as a branch of the run: change makes the branch's
// experiment from a copy of this one's, and nil leaves it as it is. Both branches see the same batches and latents from
// here on, so what differs between them comes from the change alone; branches that differ in nothing stay equal bit for
// bit. Settings changed by Set are carried over, but for those whose value in the experiment the change sets anew.
//
// A branch of a private run goes on with its key and history, and one into Privacy from public weights is not private: see
// Trainer.Spent.
//
// Every variable of the branch that this trainer has too, of the same name and shape, starts with its value; fresh names
// the others, which start as in a new run: none, unless the change is one of networks, or adds an EMA, whose averages start
// as the generator's present weights.
func (t *Trainer) Fork(change func(*Experiment)) (branch *Trainer, fresh []string, err error) {
	if err := t.usable(); err != nil {
		return nil, nil, err
	}
	exp := t.exp
	if change != nil {
		change(&exp)
	}
	if branch, err = NewTrainer(t.backend, exp); err != nil {
		return nil, nil, err
	}
	if err := branch.draw(); err != nil {
		return nil, nil, err
	}
	for v := range branch.store.IterVariables() {
		if strings.HasPrefix(v.Path(), dataScope+"/") {
			continue
		}
		from := t.store.GetVariable(v.Path())
		if from == nil || !from.Shape().Equal(v.Shape()) {
			fresh = append(fresh, v.Path()[1:])
			continue
		}
		if err := copyValue(v, from); err != nil {
			return nil, nil, fmt.Errorf("forking: %w", err)
		}
	}
	if err := branch.beginAverages(fresh); err != nil {
		return nil, nil, fmt.Errorf("forking: %w", err)
	}
	before, now := t.exp.settingValues(t.exp.initialSettings()), t.exp.settingValues(t.settings)
	for i, name := range branch.exp.settingNames() {
		if value, found := now[name]; found && branch.settings[i] == before[name] {
			branch.settings[i] = value
		}
	}
	branch.beginPrivately(t.private, t.calls)
	branch.step, branch.calls = t.step, t.calls
	return branch, fresh, nil
}

func (e Experiment) settingValues(values []float64) map[string]float64 {
	named := map[string]float64{}
	for i, name := range e.settingNames() {
		named[name] = values[i]
	}
	return named
}
