package process

import (
	"errors"
	"fmt"
	"os"
	"time"
)

const jobsBetween = 8 // at most between two steps, so that many clients do not stop the training

// work trains towards the goal, does what clients ask for, saves when it is time, and ends when the run is to stop or has
// been idle for too long.
func (r *Keeper) work() error {
	for {
		r.mu.Lock()
		g, stopping, lost, changed, settled := r.goal, r.stopping, r.lost, r.changed, r.settled
		idleSince, clients, unsaved := r.lastSeen, r.clients, r.status.Unsaved != ""
		r.mu.Unlock()
		if lost != nil {
			r.update(func() { r.saved = true })
			if errors.Is(lost, errUndone) {
				return nil
			}
			return lost
		}
		for range jobsBetween {
			select {
			case j := <-r.jobs:
				r.run(j)
				continue
			default:
			}
			break
		}
		switch {
		case stopping:
			if ends, err := r.finish(); ends {
				return err
			}
		case g.on && g.reached(r.trainer):
			r.update(func() { r.goal.on = r.goal.on && r.goal != g })
		case g.on && unsaved:
			if err := r.save(); err != nil {
				r.update(func() { r.goal.on = false })
			}
		case g.on:
			r.step(g)
		case !settled:
			r.settle()
			r.update(func() { r.settled = !r.goal.on })
			r.report()
		default:
			wake := time.Until(idleSince.Add(r.o.Idle))
			if r.o.Idle < 0 || clients > 0 {
				wake = longTime
			}
			if unsaved {
				wake = time.Until(r.triedAt.Add(retryTime))
			}
			idle := time.NewTimer(wake)
			select {
			case j := <-r.jobs:
				r.run(j)
			case <-changed:
			case <-idle.C:
				if unsaved {
					r.settle()
				} else if wake < longTime {
					fmt.Fprintf(os.Stderr, "lab: nobody has used run %s for %s: it is saved and ends\n", r.name, r.o.Idle)
					r.stop()
				}
			}
			idle.Stop()
		}
	}
}

func (r *Keeper) run(j task) {
	if j.ctx.Err() == nil {
		j.do()
	}
}

const (
	longTime  = 1000 * time.Hour
	retryTime = time.Second     // between two tries to save what could not be saved
	mustTime  = 5 * time.Second // for which a process that must end tries
)

// finish saves the state for the last time; ends tells whether the process is to end. One that cannot save lives on, with
// all its steps, unless it must end.
func (r *Keeper) finish() (ends bool, err error) {
	for begin := time.Now(); ; time.Sleep(retryTime / 5) {
		err = r.settle()
		r.mu.Lock()
		must, failed := r.must, r.status.Problem != ""
		r.mu.Unlock()
		if failed {
			err = nil // there is nothing good to save, and the client knows
		}
		if err != nil && must && time.Since(begin) < mustTime {
			continue
		}
		if err != nil && !must {
			r.update(func() { r.stopping, r.settled = false, true; r.refused++ })
			return false, nil
		}
		r.update(func() { r.saved = true })
		return true, err
	}
}
