package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gantry.local/kernel-ext/lab/record"
)

const (
	pausePatience = 500 * time.Millisecond // after which a pause is answered though the step is still running
	mostSteps     = 1_000_000_000_000
)

// train sets the goal, or joins it.
func (r *Keeper) train(ctx context.Context, a TrainArgs) (reply GoalReply, err error) {
	if a.N < 0 || a.N > mostSteps || a.To < 0 || a.To > mostSteps || a.N == 0 == (a.To == 0) || a.Network != "" && a.N == 0 {
		return reply, fmt.Errorf("cannot train for %d steps, or to step %d: ask for 1 to %d", a.N, a.To, mostSteps)
	}
	if err := r.wait(ctx, func() bool { return r.ready }); err != nil {
		return reply, err
	}
	r.update(func() {
		if err = errors.Join(ctx.Err(), r.problem()); err != nil { // one who left may have asked for a pause since
			return
		}
		if a.Network != "" && !slices.Contains(r.status.Networks, a.Network) {
			err = fmt.Errorf("run %s has no network %q: use one of %s", r.name, a.Network, record.ShortList(r.status.Networks, 8))
			return
		}
		under := r.goal.on && (r.status.Step < r.goal.step || r.status.Calls < r.goal.calls)
		if a.Network != "" {
			if under {
				err = fmt.Errorf("run %s is training: pause it first", r.name)
				return
			}
			reply.Until = r.status.Calls + a.N
			r.goal = goal{on: true, alone: a.Network, calls: reply.Until}
			r.settled = false
			return
		}
		if under && r.goal.alone != "" {
			err = fmt.Errorf("run %s is making steps of one network alone: wait for it", r.name)
			return
		}
		switch until := r.status.Step + a.N; {
		case a.To > 0 && under:
			reply.Joined, until = true, max(a.To, r.goal.step)
			r.goal.step = until
			reply.Until = a.To
		case a.To > 0:
			reply.Until = a.To
			if a.To > r.status.Step {
				r.goal = goal{on: true, step: a.To}
			}
		case under && a.Ask == r.goal.ask: // the same cell, run again, or a second one beside it
			reply.Joined, reply.Until = true, r.goal.step
		case under:
			r.goal.step, r.goal.ask = max(until, r.goal.step), a.Ask
			reply.Joined, reply.Until = true, until
		default:
			reply.Until = until
			r.goal = goal{on: true, step: until, ask: a.Ask}
		}
		if r.goal.on {
			r.settled, r.status.Target = false, r.goal.step
		}
	})
	return reply, err
}

// problem is why the run cannot train, called under mu.
func (r *Keeper) problem() error {
	switch {
	case r.stopping:
		return ErrEnding
	case r.status.Problem != "":
		return fmt.Errorf("run %s cannot train on: %s; Rewind goes back to a checkpoint", r.name, r.status.Problem)
	}
	return nil
}

// reach waits until a goal is reached; ErrPaused where the run stops before.
func (r *Keeper) reach(ctx context.Context, a WaitArgs) error {
	var st record.Status
	var err error
	waited := r.wait(ctx, func() bool {
		st = r.status
		reached := st.Step >= a.Until
		if a.Network != "" {
			reached = st.Calls >= a.Until
		}
		switch {
		case reached && (r.settled || r.goal.on):
			return true
		case r.status.Problem != "":
			err = errors.New(r.status.Problem)
			return true
		case !r.goal.on && r.settled && r.ready:
			err = PausedAt(st, a.Until, a.Network)
			return true
		}
		return false
	})
	return errors.Join(waited, err)
}

// pause ends the training after the step that is running, and waits for it a little.
func (r *Keeper) pause(ctx context.Context) {
	r.update(func() { r.goal.on = false })
	ctx, cancel := context.WithTimeout(ctx, pausePatience)
	defer cancel()
	r.wait(ctx, func() bool { return r.settled || !r.ready })
}

func (r *Keeper) resume(ctx context.Context) (err error) {
	if err := r.wait(ctx, func() bool { return r.ready }); err != nil {
		return err
	}
	r.update(func() {
		if err = r.problem(); err != nil || r.goal.on {
			return
		}
		if r.status.Target <= r.status.Step {
			err = fmt.Errorf("run %s has reached step %d and nothing more was asked of it: use Train(n)", r.name, r.status.Step)
			return
		}
		r.goal, r.settled = goal{on: true, step: r.status.Target}, false
	})
	return err
}
