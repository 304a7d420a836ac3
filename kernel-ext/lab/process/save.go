package process

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gantry.local/gan/lint"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/record"
)

// save writes a checkpoint, if the newest is not of this state, and what a later process must know.
func (r *Keeper) save() error {
	r.triedAt = time.Now()
	err := r.write()
	if err != nil {
		r.cannotSave(err)
		return fmt.Errorf("%w: %s", ErrUnsaved, r.words(err))
	}
	now := time.Now()
	r.update(func() {
		r.savedAt = now
		r.status.Unsaved, r.dirty = "", false
	})
	return nil
}

// saveDirty saves what is not saved yet, before something that may take long.
func (r *Keeper) saveDirty() error {
	r.mu.Lock()
	dirty := r.dirty
	r.mu.Unlock()
	if !dirty {
		return nil
	}
	return r.save()
}

// cannotSave says so, but for a run whose state is no longer good.
func (r *Keeper) cannotSave(err error) {
	r.update(func() {
		if r.status.Problem != "" || r.lost != nil {
			return
		}
		r.status.Unsaved = fmt.Sprintf("cannot be saved (%s): make room; step %d is good in memory, step %d is saved", r.words(err),
			r.trainer.Step(), r.status.Checkpointed)
	})
}

func (r *Keeper) write() error {
	if err := r.place.check(); err != nil {
		return err
	}
	if r.forget != nil {
		if err := r.forget(); err != nil {
			return err
		}
		r.forget = nil
	}
	if err := r.writeState(); err != nil {
		return err
	}
	if err := r.ladder.Add(r.trainer.LastCheckpoint(), r.trainer.Step(), r.trainer.Calls()); err != nil {
		return err
	}
	return r.condense()
}

// condense keeps the history of a long run small. A stretch ends where there is a checkpoint, of the ladder or of the newest two, so that the run can go back
// to it.
func (r *Keeper) condense() error {
	saved, err := train.Listed(filepath.Join(r.place.path, record.CheckpointsDir))
	if err != nil {
		return err
	}
	var calls []int
	for _, c := range saved {
		calls = append(calls, c.Calls)
	}
	for _, rung := range r.ladder.Rungs {
		calls = append(calls, rung.Calls)
	}
	return r.history.Condense(calls)
}

// writeState writes what the run goes on from.
func (r *Keeper) writeState() error {
	if err := r.history.Sync(); err != nil {
		return err
	}
	if err := r.trainer.Save(filepath.Join(r.place.path, record.CheckpointsDir)); err != nil {
		return err
	}
	r.update(func() { r.status.Checkpointed = r.trainer.Step() }) // before it is written
	return r.writeInfo()
}

// settle is save for a run that comes to rest: who looks into its folder finds its weights, too.
func (r *Keeper) settle() error {
	if err := r.save(); err != nil {
		return err
	}
	if err := r.trainer.SaveWeights(r.place.path); err != nil {
		r.cannotSave(err)
		return fmt.Errorf("%w: %s", ErrUnsaved, r.words(err))
	}
	return nil
}

// writeInfo writes what a later process, or one that only looks, must know.
func (r *Keeper) writeInfo() error {
	r.info.Status = r.present()
	st := &r.info.Status
	st.State, st.Pid, st.Memory, st.StepsPerSecond, st.Clients = record.Ended, os.Getpid(), 0, 0, 0
	st.Signature = lint.Signature{} // kept beside it
	return r.info.Write(r.place.path)
}
