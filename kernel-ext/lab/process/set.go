package process

import (
	"path/filepath"

	"gantry.local/gan/loss"
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
	if a.Loss == r.trainer.Experiment().Loss.String() {
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

func (r *Keeper) setLoss(name string) error {
	l := r.exp.Loss // which may be one that has no name
	if name != l.String() {
		var err error
		if l, err = loss.Named(name); err != nil {
			return err
		}
	}
	if err := r.trainer.SetLoss(l); err != nil {
		return err
	}
	r.info.Loss = ""
	if l != r.exp.Loss {
		r.info.Loss = name
	}
	return nil
}
