package gan

import (
	"fmt"
	"strconv"
	"strings"

	"gantry.local/gan/loss"
	"gantry.local/gan/safetensors"
)

// Calls returns the number of calls of a compiled step since the experiment began: its steps, and the updates of one
// network alone. It orders all that a run did, and checkpoints keep it.
func (t *Trainer) Calls() int { return t.calls }

// LastCheckpoint returns the path of the checkpoint last saved or restored, or "".
func (t *Trainer) LastCheckpoint() string { return t.good }

// Checkpoint is what a checkpoint's file says of itself.
type Checkpoint struct {
	Path        string
	Step, Calls int // as Trainer.Step and Trainer.Calls
}

// Checkpoints lists the checkpoints in a folder that Save wrote to, oldest first; a damaged one is left out. The error is
// ErrNoCheckpoint where there are none.
func Checkpoints(dir string) ([]Checkpoint, error) {
	paths, err := checkpoints(dir)
	if err != nil {
		return nil, err
	}
	var all []Checkpoint
	for _, path := range paths {
		file, err := safetensors.Load(path)
		if err != nil {
			continue
		}
		if c, err := newCheckpoint(path, file); err == nil {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w in %s", ErrNoCheckpoint, dir)
	}
	return all, nil
}

func newCheckpoint(path string, file *safetensors.File) (Checkpoint, error) {
	step, err := strconv.Atoi(file.Metadata[stepKey])
	calls, errCalls := strconv.Atoi(file.Metadata[callsKey])
	if err != nil || errCalls != nil || step < 0 || calls < step {
		return Checkpoint{}, fmt.Errorf("%s: step %q and calls %q are no numbers of steps", path, file.Metadata[stepKey],
			file.Metadata[callsKey])
	}
	return Checkpoint{path, step, calls}, nil
}

// RestoreFile brings back the checkpoint in one file, as Restore does the newest of a folder.
func (t *Trainer) RestoreFile(path string) error {
	file, err := safetensors.Load(path)
	if err != nil {
		return err
	}
	return t.restore(path, file)
}

// Adopt goes on from the checkpoint of another experiment: every variable that both have, of the same name and shape,
// takes its value from there, and so do the step and the number of the call; fresh names the others, which stay as they
// are. The settings' present values are carried over where they still mean something: before are the values that the
// other experiment itself gave them, and a setting to which this experiment gives another value keeps that. It is what
// Fork does, from a file.
func (t *Trainer) Adopt(path string, before map[string]float64) (fresh []string, err error) {
	file, err := safetensors.Load(path)
	if err != nil {
		return nil, err
	}
	if version := file.Metadata[versionKey]; version != checkpointVersion {
		return nil, fmt.Errorf("%s is no checkpoint of this program (version %q, want %q)", path, version, checkpointVersion)
	}
	from, err := newCheckpoint(path, file)
	if err != nil {
		return nil, err
	}
	for v := range t.store.IterVariables() {
		if strings.HasPrefix(v.Path(), dataScope+"/") {
			continue
		}
		stored, found := file.Tensor(v.Path()[1:])
		if !found {
			fresh = append(fresh, v.Path()[1:])
			continue
		}
		value, err := fromStored(stored)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if !value.Shape().Equal(v.Shape()) {
			fresh = append(fresh, v.Path()[1:])
			continue
		}
		if err := v.SetValue(value); err != nil {
			t.failed = fmt.Errorf("adopting %s: %w", path, err)
			return nil, t.failed
		}
	}
	for i, name := range t.exp.settingNames() {
		value, err := strconv.ParseFloat(file.Metadata[settingPrefix+name], 64)
		if initial, known := before[name]; err == nil && known && initial == t.settings[i] {
			t.settings[i] = value
		}
	}
	t.step, t.calls, t.good, t.failed = from.Step, from.Calls, path, nil
	return fresh, nil
}

// SetLoss puts another loss in the place of the experiment's, from the next step on. The step is compiled anew, which
// takes seconds on XLA; weights and optimizers stay as they are. Checkpoints from then on are those of the experiment with
// the new loss. On an error the loss is what it was.
func (t *Trainer) SetLoss(l loss.Loss) error {
	exp := t.exp
	exp.Loss = l
	exp = exp.withDefaults()
	if err := exp.validate(); err != nil {
		return err
	}
	before, execs := t.exp, t.execs
	t.exp, t.builder.Experiment, t.execs = exp, exp, nil
	if err := t.compile(); err != nil {
		for _, exec := range t.execs {
			exec.Finalize()
		}
		t.exp, t.builder.Experiment, t.execs = before, before, execs
		return fmt.Errorf("loss %v: %w", exp.Loss, err)
	}
	for _, exec := range execs {
		exec.Finalize()
	}
	return nil
}
