//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
)

// lastingRun is a run that is never killed: clients come and go and peers are hostile while it is watched.
type lastingRun struct {
	*world
	pid atomic.Int64
}

func (p *lastingRun) act(ctx context.Context, rnd *rand.Rand) {
	k := &keeper{world: p.world, name: "patient", backend: "go", rnd: rnd, steps: 100}
	var err error
	if k.twin, err = k.twins.of(k.backend); err == nil {
		err = p.last(ctx, k)
	}
	if err != nil {
		p.pid.Store(0)
		p.ledger.broke("the steady run: %v", err)
		k.remove = os.RemoveAll
		k.abandon()
	}
}

func (p *lastingRun) last(ctx context.Context, k *keeper) error {
	k.dir = k.place.runs + "/" + k.runName()
	if err := k.open(); err != nil {
		return err
	}
	pid, _, err := k.pid()
	if err != nil {
		return err
	}
	p.pid.Store(int64(pid))
	faults := []fault{
		{"client of a run killed", 3, (*keeper).clientKilled},
		{"client of a run stopped", 2, (*keeper).clientStopped},
		{"hostile peers of a run", 3, (*keeper).hostilePeers},
		{"steady run trained, sampled, gone back", 3, (*keeper).trodden},
	}
	for ctx.Err() == nil {
		f := choose(k.rnd, faults, func(f fault) int { return f.weight })
		p.ledger.fault(f.kind)
		if err := f.do(k, ctx); err != nil {
			return fmt.Errorf("%s: %w", f.kind, err)
		}
		pause(ctx, 300+k.rnd.IntN(1200))
	}
	after, _, err := k.pid()
	if err == nil && after != pid {
		err = fmt.Errorf("process %d became %d", pid, after)
	}
	if err != nil {
		return err
	}
	p.pid.Store(0)
	k.remove = os.RemoveAll
	return k.finish()
}

// trodden trains a little, looks, and goes back to the beginning, so that a run does the same for ever and grows by
// nothing it would have a right to.
func (k *keeper) trodden(context.Context) error {
	if err := k.trainTo(k.steps); err != nil {
		return err
	}
	err := k.calls(
		call{"sample", func() error { _, err := k.run.Sample(64, 5); return err }},
		call{"list", func() error { return listed(k.runName()) }})
	if err != nil {
		return err
	}
	if err := k.compare(); err != nil {
		return err
	}
	return k.ledger.timed("rewind", func() error {
		exact, err := k.run.Rewind(0)
		if err == nil && !exact {
			err = errors.New("the way back was not exact")
		}
		k.least = 0
		return err
	})
}
