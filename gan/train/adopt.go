package train

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/method"
	"gantry.local/gan/safetensors"
)

// adopt is Trainer.Adopt.
func adopt(t *Trainer, path string, before map[string]float64) (fresh []string, err error) {
	if err := open(t, nil); err != nil {
		return nil, err
	}
	r, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	from, err := newCheckpoint(path, r)
	if err != nil {
		return nil, orDamage(r, err)
	}
	drive, err := beginDriven(t, r.Metadata, from.Calls)
	if err != nil {
		return nil, orDamage(r, fmt.Errorf("%s: %w", path, err))
	}
	settings := slices.Clone(t.settings)
	for i, name := range settingNames(t.game) {
		value, err := strconv.ParseFloat(r.Metadata[settingPrefix+name], 64)
		if initial, known := before[name]; err == nil && known && initial == t.settings[i] {
			settings[i] = value
		}
	}
	file, err := readFinite(path, r)
	if err != nil {
		return nil, err
	}
	values := map[string]*tensors.Tensor{}
	for v := range variables(t) {
		stored, found := file.Tensor(v.Path()[1:])
		if !found || storedNames()[v.DType()] != stored.DType || !slices.Equal(v.Shape().Dimensions, stored.Shape) {
			fresh = append(fresh, v.Path()[1:])
			continue
		}
		if values[v.Path()], err = fromStored(stored); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := draw(t); err != nil {
		return nil, err
	}
	for v := range variables(t) {
		if value, found := values[v.Path()]; found {
			if err := v.SetValue(value); err != nil {
				t.failed = fmt.Errorf("adopting %s: %w", path, err)
				return nil, t.failed
			}
		}
	}
	if err := errors.Join(beginAverages(t, fresh), clear(t)); err != nil {
		t.failed = fmt.Errorf("adopting %s: %w", path, err)
		return nil, t.failed
	}
	drive()
	t.place, t.settings, t.failed = place{from.Step, from.Calls, path, true}, settings, nil
	return fresh, nil
}

// change is Trainer.Change.
func change(t *Trainer, of method.Description) error {
	if err := open(t, nil); err != nil {
		return err
	}
	game, err := of.Game()
	if err != nil {
		return err
	}
	if !slices.Equal(settingNames(game), settingNames(t.game)) {
		return fmt.Errorf("%q has other settings than %q: fork the run", game.Name, t.game.Name)
	}
	before := *t
	t.of, t.game = of, game
	if t.driver = driverOf(game); t.driver != nil {
		drive, err := beginDriven(t, driverState(&before), t.place.calls)
		if err != nil {
			*t = before
			return err
		}
		drive()
	}
	had := len(slices.Collect(variables(t)))
	if err = compile(t); err == nil && len(slices.Collect(variables(t))) != had {
		err = errors.New("its networks or optimizers have variables that this trainer has not: fork the run")
	}
	release := &before
	if err != nil {
		failed := *t
		*t, release = before, &failed
	}
	for _, step := range release.compiled.steps {
		step.exec.Finalize()
	}
	if release.driver != nil {
		release.driver.Release()
	}
	if err != nil {
		return fmt.Errorf("%q: %w", game.Name, err)
	}
	t.kept.identity = nil
	return nil
}
