package optim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/setting"
)

// Scheduled changes a setting of an optimizer over a run. Who trains computes its value for each step, see [setting.Setting.At]:
// the graph knows no schedule.
type Scheduled struct {
	Of       Optimizer
	Schedule Schedule // of a setting that has one already, the factors multiply
	Setting  string   // its name among Of's Settings; default SettingRate
}

// Update implements Optimizer.
func (o Scheduled) Update(s *State, gradients []*Node) []*Node { return o.Of.Update(s, gradients) }

// Settings implements Optimizer.
func (o Scheduled) Settings() []setting.Setting {
	all := slices.Clone(settingsOf(o.Of))
	for i, s := range all {
		switch {
		case s.Name != o.setting():
		case s.Schedule == nil:
			all[i].Schedule = o.Schedule
		default:
			all[i].Schedule = both{s.Schedule, o.Schedule}
		}
	}
	return all
}

func (o Scheduled) setting() string { return cmp.Or(o.Setting, SettingRate) }

// Check implements Optimizer.
func (o Scheduled) Check() error {
	if err := checkHeld("scheduled", o.Of); err != nil {
		return err
	}
	if o.Schedule == nil {
		return errors.New("scheduled: it has no Schedule")
	}
	if checked, ok := o.Schedule.(interface{ Check() error }); ok {
		if err := checked.Check(); err != nil {
			return err
		}
	}
	var names []string
	for _, s := range o.Of.Settings() {
		names = append(names, s.Name)
	}
	if !slices.Contains(names, o.setting()) {
		return fmt.Errorf("scheduled: %v has no setting %q: name one of its settings (%s)", o.Of, o.setting(), strings.Join(names, ", "))
	}
	return nil
}

// String implements Optimizer.
func (o Scheduled) String() string {
	if o.setting() == SettingRate {
		return fmt.Sprintf("%v %v", o.Of, o.Schedule)
	}
	return fmt.Sprintf("%v %s %v", o.Of, o.setting(), o.Schedule)
}

// both is the product of two schedules.
type both struct{ first, then Schedule }

// Factor implements Schedule.
func (b both) Factor(step int) float64 { return b.first.Factor(step) * b.then.Factor(step) }

// String implements Schedule.
func (b both) String() string { return fmt.Sprintf("%v %v", b.first, b.then) }
