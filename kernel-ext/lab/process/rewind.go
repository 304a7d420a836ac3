package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
)

// rewind goes back to the state after a step: to the checkpoint before it and from there by the very steps that were
// made, with what was set in between. What came after is forgotten.
func (r *Keeper) rewind(ctx context.Context, step int) (RewindReply, error) {
	r.pause(ctx)
	return made(ctx, r, func() (RewindReply, error) { return r.goBack(ctx, step) })
}

func (r *Keeper) goBack(ctx context.Context, step int) (reply RewindReply, err error) {
	if err := r.saveDirty(); err != nil {
		return reply, err
	}
	calls, found, err := r.history.CallsOf(step)
	if err != nil {
		return reply, err
	}
	switch {
	case step == 0:
		calls = 0
	case !found:
		calls = -1
	}
	for _, rung := range r.ladder.Rungs { // of a step whose record was lost
		if calls < 0 && rung.Step == step {
			calls = rung.Calls
		}
	}
	if calls < 0 {
		return reply, fmt.Errorf("run %s has no step %d to go back to: it is at step %d", r.name, step, r.trainer.Step())
	}
	was, last, pace := r.trainer.LastCheckpoint(), r.last, r.pace
	again, err := r.makeAgain(ctx, calls)
	if err != nil { // the folder has it all as it was before
		if errors.Is(err, ErrEnding) || r.restoreFile(was) != nil {
			r.lose(errUndone)
		}
		r.last, r.pace = last, pace
		return reply, err
	}
	reply = RewindReply{Step: r.trainer.Step(), From: again.from.Step, Exact: again.exact}
	now := r.trainer.Calls()
	r.last, r.pace.seconds = again.last.Progress, again.last.Seconds
	r.shown, r.view = nil, again.view
	if r.distance != nil {
		r.distance.last, r.distance.free = r.trainer.Step(), 0
	}
	r.forget = func() error { return r.cutAfter(now, again) }
	r.update(func() {
		r.rewinds++
		r.status.Problem, r.status.Target, r.status.Calls, r.dirty = "", 0, now, true
	})
	return reply, errors.Join(r.save(), ctx.Err())
}

// madeAgain is how the steps up to a call were made again.
type madeAgain struct {
	from  record.Rung
	exact bool // they reported what they did the first time
	view  *view.View

	last   record.Metric   // of the state that was come to; zero at the beginning
	newest []record.Metric // the last calls that were made again, as they are recorded now
}

// mostAgain is how many calls that were made again are recorded anew, where the history is cut within a stretch.
const mostAgain = 1000

// makeAgain brings the trainer back to the state after so many calls, or, where ctx ends before, fewer, and changes nothing
// in the folder.
func (r *Keeper) makeAgain(ctx context.Context, calls int) (made madeAgain, err error) {
	changes, err := record.ReadChanges(filepath.Join(r.dir, record.ChangesFile))
	if err != nil {
		return made, err
	}
	if made.from, err = r.climbDown(calls); err != nil {
		return made, err
	}
	made.exact = true
	if made.last, err = r.history.At(made.from.Calls); err != nil {
		return made, err
	}
	next := 0
	for m, err := range r.history.Made(made.from.Calls, calls) {
		if err != nil {
			return made, err
		}
		if ctx.Err() != nil {
			break
		}
		if err := r.ending(); err != nil {
			return made, err
		}
		for ; next < len(changes) && changes[next].Calls <= r.trainer.Calls(); next++ {
			if c := changes[next]; c.Calls < made.from.Calls {
				continue
			} else if err := r.again(c); err != nil {
				return made, err
			}
		}
		p, err := r.advance(m.Alone)
		if err != nil {
			return made, err
		}
		made.exact = made.exact && m.Agrees(p)
		made.last = m.Metric
		made.last.Progress = p
		made.newest = append(made.newest[max(0, len(made.newest)+1-mostAgain):], made.last)
	}
	made.view, err = view.New(r.trainer, r.o.Samples, r.o.Seed)
	return made, err
}

// cutAfter removes from the folder what came after so many calls, which were made again from a checkpoint. The newest
// checkpoints go before the history does: a process that is killed in between goes on from what is left.
func (r *Keeper) cutAfter(calls int, again madeAgain) error {
	from := again.from
	keep := func(c record.Change) bool { return c.Calls < calls || c.Calls == from.Calls && calls == from.Calls }
	if _, err := record.CutChanges(filepath.Join(r.dir, record.ChangesFile), keep); err != nil {
		return err
	}
	if err := r.ladder.Cut(calls); err != nil {
		return err
	}
	newer, err := filepath.Glob(filepath.Join(record.Quoted(r.dir), record.CheckpointsDir, "checkpoint-*"))
	if err != nil {
		return err
	}
	for _, path := range newer {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return r.history.Cut(calls, again.newest...)
}

// climbDown restores the newest whole checkpoint of at most so many calls, from which the steps can be made again.
func (r *Keeper) climbDown(calls int) (from record.Rung, err error) {
	for below := calls; ; below = from.Calls - 1 {
		var found bool
		if from, found = r.ladder.Below(below); !found {
			return from, fmt.Errorf("run %s keeps no whole checkpoint from which that step can be reached", r.name)
		}
		for m, err := range r.history.Made(from.Calls, calls) {
			if err != nil {
				return from, err
			}
			if m.Lost {
				return from, fmt.Errorf("run %s: the record of the steps after step %d was lost, so they cannot be made again: "+
					"go back to a step that run.Checkpoints() lists", r.name, from.Step)
			}
		}
		if err := r.restoreFile(r.ladder.Path(from)); !errors.Is(err, train.ErrDamaged) && !errors.Is(err, fs.ErrNotExist) {
			return from, err
		}
	}
}

// again applies a change that was made before.
func (r *Keeper) again(c record.Change) error {
	if c.Loss != "" {
		return r.setLoss(c.Loss)
	}
	return r.trainer.Set(c.Name, c.Value)
}
