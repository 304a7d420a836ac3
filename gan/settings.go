package gan

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Names of the settings that every trainer has. Each penalty adds "penalty." and its name, as in "penalty.wgan-gp", and a
// second penalty of that name its number.
const (
	SettingGeneratorRate   = "generator.rate"   // before its Schedule
	SettingCriticRate      = "critic.rate"      // before its Schedule
	SettingAugmentStrength = "augment.strength" // with an Augment
)

// settingNames lists the settings in the order in which a step takes them.
func (e Experiment) settingNames() []string {
	names := []string{SettingGeneratorRate, SettingCriticRate, SettingAugmentStrength}
	for _, p := range e.Penalties {
		kind, _, _ := strings.Cut(p.String(), " weight")
		kind = strings.ReplaceAll(kind, " ", "-")
		name := "penalty." + kind
		for number := 2; slices.Contains(names, name); number++ {
			name = fmt.Sprintf("penalty.%s.%d", kind, number)
		}
		names = append(names, name)
	}
	return names
}

// initialSettings are the values of the experiment itself, in the order of settingNames.
func (e Experiment) initialSettings() []float64 {
	initial := []float64{e.GeneratorAdam.Rate, e.CriticAdam.Rate, e.AugmentStrength}
	for _, p := range e.Penalties {
		initial = append(initial, p.Weight())
	}
	return initial
}

// settingNodes are the settings of one step within its graph, scalars.
type settingNodes struct {
	generatorRate, criticRate, augmentStrength *Node
	penaltyWeights                             []*Node
}

func (e Experiment) newSettingNodes(all *Node) *settingNodes {
	at := func(i int) *Node { return Squeeze(Slice(all, AxisElem(i))) }
	s := &settingNodes{generatorRate: at(0), criticRate: at(1), augmentStrength: at(2)}
	for i := range e.Penalties {
		s.penaltyWeights = append(s.penaltyWeights, at(3+i))
	}
	return s
}

func (e Experiment) settingsShape() shapes.Shape {
	return shapes.Make(dtypes.Float32, len(e.settingNames()))
}

func latentShape(batch, latent int) shapes.Shape { return shapes.Make(dtypes.Float32, batch, latent) }

// Settings returns the settings that can be changed while the run trains, by name, with their present values.
func (t *Trainer) Settings() map[string]float64 {
	all := map[string]float64{}
	for i, name := range t.exp.settingNames() {
		if name != SettingAugmentStrength || t.exp.Augment != nil {
			all[name] = t.settings[i]
		}
	}
	return all
}

// Set changes a setting from the next step on: a rate, a penalty's weight, or the augmentation's strength. Nothing is
// compiled anew, and checkpoints keep the value.
func (t *Trainer) Set(name string, value float64) error {
	if _, known := t.Settings()[name]; !known {
		return fmt.Errorf("there is no setting %q: use one of %s", name,
			strings.Join(slices.Sorted(maps.Keys(t.Settings())), ", "))
	}
	if err := checkSetting(name, value); err != nil {
		return err
	}
	t.settings[slices.Index(t.exp.settingNames(), name)] = value
	return nil
}

// checkSetting returns an error for a value that a setting cannot have. Steps take settings as float32.
func checkSetting(name string, value float64) error {
	if !(value >= 0 && value <= math.MaxFloat32) || name == SettingAugmentStrength && value > 1 {
		return fmt.Errorf("setting %s cannot be %g: want a finite number of at least 0, and a strength of at most 1", name, value)
	}
	return nil
}

// settingsOfStep are the settings' values for the next step, schedules applied.
func (t *Trainer) settingsOfStep() []float32 {
	now := make([]float32, len(t.settings))
	for i, value := range t.settings {
		now[i] = float32(value)
	}
	for i, adam := range []Adam{t.exp.GeneratorAdam, t.exp.CriticAdam} {
		if adam.Schedule != nil {
			now[i] = float32(t.settings[i] * adam.Schedule.Factor(t.step))
		}
	}
	return now
}
