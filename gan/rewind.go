package gan

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/loss"
	"gantry.local/gan/safetensors"
)

// Calls returns the number of calls of a compiled step since the experiment began: its steps, and the updates of one
// network alone. It orders all that a run did, and checkpoints keep it.
func (t *Trainer) Calls() int { return t.calls }

// LastCheckpoint returns the path of the checkpoint last saved or restored, or "".
func (t *Trainer) LastCheckpoint() string { return t.good }

// Adopt goes on from the checkpoint of another experiment: every variable that both have, of the same name and shape,
// takes its value from there, and so do the step and the number of the call; fresh names the others, which stay as they
// are. The settings' present values are carried over where they still mean something: before are the values that the
// other experiment itself gave them, and a setting to which this experiment gives another value keeps that. It is what
// Fork does, from a file.
func (t *Trainer) Adopt(path string, before map[string]float64) (fresh []string, err error) {
	if err := t.open(nil); err != nil {
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
	private, err := readPrivate(r.Metadata)
	if err != nil {
		return nil, orDamage(r, fmt.Errorf("%s: %w", path, err))
	}
	settings := slices.Clone(t.settings)
	for i, name := range t.exp.settingNames() {
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
	for v := range t.variables() {
		stored, found := file.Tensor(v.Path()[1:])
		if !found || storedNames()[v.DType()] != stored.DType || !slices.Equal(v.Shape().Dimensions, stored.Shape) {
			fresh = append(fresh, v.Path()[1:])
			continue
		}
		if values[v.Path()], err = fromStored(stored); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := t.draw(); err != nil {
		return nil, err
	}
	for v := range t.variables() {
		if value, found := values[v.Path()]; found {
			if err := v.SetValue(value); err != nil {
				t.failed = fmt.Errorf("adopting %s: %w", path, err)
				return nil, t.failed
			}
		}
	}
	if err := errors.Join(t.beginAverages(fresh), t.clearSums()); err != nil {
		t.failed = fmt.Errorf("adopting %s: %w", path, err)
		return nil, t.failed
	}
	t.beginPrivately(private, from.Calls)
	t.step, t.calls, t.settings, t.good, t.failed = from.Step, from.Calls, settings, path, nil
	return fresh, nil
}

// SetLoss puts another loss in the place of the experiment's, from the next step on. The step is compiled anew, which
// takes seconds on XLA; weights and optimizers stay as they are. Checkpoints from then on are those of the experiment with
// the new loss. On an error the loss is what it was.
func (t *Trainer) SetLoss(l loss.Loss) error {
	if err := t.open(nil); err != nil {
		return err
	}
	exp := t.exp
	exp.Loss = l
	exp = exp.withDefaults()
	if err := exp.validate(); err != nil {
		return err
	}
	before, execs := t.exp, t.execs
	var private privateExecs
	if t.private != nil {
		private, t.private.privateExecs = t.private.privateExecs, private
	}
	t.exp, t.builder.Experiment, t.execs = exp, exp, nil
	if err := t.compile(); err != nil {
		for _, exec := range t.execs {
			exec.Finalize()
		}
		t.exp, t.builder.Experiment, t.execs = before, before, execs
		if t.private != nil {
			t.private.finalize()
			t.private.privateExecs = private
		}
		return fmt.Errorf("loss %v: %w", exp.Loss, err)
	}
	t.identity = nil
	for _, exec := range execs {
		exec.Finalize()
	}
	private.finalize()
	return nil
}
