package process

import (
	"context"
	"errors"
	"time"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/record"
)

// slowStep is the time from which a step is saved as soon as it is done, because the next could be waited for in vain.
const slowStep = 2 * time.Second

const lookEach = 10 * time.Second // for collapse, where no figure asks for samples

// step makes one step towards the goal and records it.
func (r *Keeper) step(g goal) {
	if v := r.trainer.Game().VariantOf(r.trainer.Calls(), g.alone); !r.compiled[v] {
		if r.saveDirty() != nil {
			r.update(func() { r.goal.on = false })
			return
		}
		r.compiled[v] = true
	}
	begin := time.Now()
	p, err := r.advance(g.alone)
	if errors.Is(err, train.ErrUnread) { // no step was made, and what the run goes on from once the data is mended is saved
		r.settle()
	}
	if err != nil {
		r.update(func() {
			r.goal.on, r.settled = false, true
			r.status.Problem = r.words(err)
		})
		r.report()
		return
	}
	now := time.Now()
	r.update(func() { r.dirty = true })
	if err := r.measure(&p, g); err != nil {
		r.update(func() { r.goal.on, r.status.Problem = false, r.words(err) })
	}
	r.last = p
	m := record.Metric{Progress: p, Alone: g.alone, Calls: r.trainer.Calls(), Seconds: r.pace.seconds}
	err = r.history.Add(m)
	if err == nil && (now.Sub(r.savedAt) >= r.o.Checkpoint || now.Sub(begin) >= slowStep) {
		err = r.save()
	}
	if err != nil { // a full disk, say: it must not train on without a record
		r.cannotSave(err)
		r.update(func() { r.goal.on = false })
	} else if r.view != nil && now.Sub(r.lookedAt) >= lookEach {
		if _, err := r.look(); err != nil {
			r.update(func() { r.goal.on, r.status.Problem = false, record.OneLine(err) })
		}
	}
	r.report()
}

// advance makes one step, or one of a network alone, and measures its time.
func (r *Keeper) advance(alone string) (last train.Progress, err error) {
	begin := time.Now()
	steps := r.trainer.Train(context.Background(), 1)
	if alone != "" {
		steps = r.trainer.TrainAlone(context.Background(), alone, 1)
	}
	for last, err = range steps {
	}
	if err == nil {
		r.last = last
		r.pace.add(time.Since(begin))
	}
	return last, err
}
