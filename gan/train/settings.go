package train

import (
	"fmt"
	"strings"

	"gantry.local/gan/method"
)

// initial are the values of a game's settings at its start, in their order.
func initial(game method.Game) (values []float64) {
	for _, s := range game.AllSettings() {
		values = append(values, s.Value)
	}
	return values
}

// named are values of a game's settings by name.
func named(game method.Game, values []float64) map[string]float64 {
	all := map[string]float64{}
	for i, s := range game.AllSettings() {
		all[s.Name] = values[i]
	}
	return all
}

// set is Trainer.Set.
func set(t *Trainer, name string, value float64) error {
	var names []string
	for i, s := range t.game.AllSettings() {
		if s.Name == name {
			if err := s.Allows(value); err != nil {
				return err
			}
			t.settings[i] = value
			return nil
		}
		names = append(names, s.Name)
	}
	return fmt.Errorf("there is no setting %q: use one of %s", name, strings.Join(names, ", "))
}

// settingsOfStep are the settings' values for the next step, schedules applied.
func settingsOfStep(t *Trainer) []float32 {
	now := make([]float32, t.game.SettingsShape().Dim(0))
	for i, s := range t.game.AllSettings() {
		now[i] = s.At(t.settings[i], t.place.step)
	}
	return now
}

// follow moves the settings that follow what a step reports.
func follow(t *Trainer, p Progress, moves string) (err error) {
	samples := t.game.BatchSize
	if moves == "" {
		samples *= t.game.Draws()
	}
	for i, s := range t.game.AllSettings() {
		if s.Follow != nil && p.Reports(s.Follow.Follows()) {
			if t.settings[i], err = s.Advance(t.settings[i], p.Value(s.Follow.Follows()), samples); err != nil {
				return err
			}
		}
	}
	return nil
}
