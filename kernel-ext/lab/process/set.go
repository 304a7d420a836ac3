package process

import (
	"fmt"
	"path/filepath"

	"gantry.local/gan"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/kernel-ext/lab/record"
)

// set changes a setting or the loss, and notes when.
func (r *Keeper) set(a SetArgs) error {
	c := record.Change{Calls: r.trainer.Calls(), Name: a.Name, Value: a.Value, Loss: a.Loss}
	if a.Loss == "" {
		if err := r.trainer.Set(a.Name, a.Value); err != nil {
			return err
		}
		r.update(func() { r.dirty = true })
		return record.AddChange(filepath.Join(r.dir, record.ChangesFile), c)
	}
	if a.Loss == lossOf(r.trainer.Description()) {
		return nil
	}
	if err := r.saveDirty(); err != nil { // what follows compiles
		return err
	}
	if err := r.setLoss(a.Loss); err != nil {
		return err
	}
	if err := record.AddChange(filepath.Join(r.dir, record.ChangesFile), c); err != nil {
		return err
	}
	return r.save() // a checkpoint says which loss it is of, and so must the run
}

// lossOf is the name of the loss of what a run trains; "" where it has none that could be changed.
func lossOf(of method.Description) string {
	if exp, is := of.(gan.Experiment); is {
		return exp.WithDefaults().Loss.String()
	}
	return ""
}

// setLoss puts another loss in the place of the present one.
func (r *Keeper) setLoss(name string) error {
	own, is := r.of.(gan.Experiment)
	if !is {
		return fmt.Errorf("run %s has no loss to change: it trains no gan.Experiment", r.name)
	}
	changed := own
	if name != own.Loss.String() { // which may be one that has no name
		var err error
		if changed.Loss, err = loss.Named(name); err != nil {
			return err
		}
	}
	if err := r.trainer.Change(changed); err != nil {
		return err
	}
	r.info.Loss = ""
	if changed.Loss != own.Loss {
		r.info.Loss = name
	}
	return nil
}
