//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab"
)

// interval is that of the timed checkpoints: what a run may lose.
const interval = time.Second

// become makes this process that of a run, as a cell's program does; it does not return.
func become() {
	name, _ := lab.Resident()
	if len(os.Args) != 3 || os.Args[1] != "resident" {
		fmt.Fprintln(os.Stderr, "lab: this is no run of the soak")
		os.Exit(1)
	}
	_, err := lab.OpenWith(experiment(), options(name, os.Args[2]))
	fmt.Fprintln(os.Stderr, "lab: Open returned in the run's process:", err)
	os.Exit(1)
}

// keeper keeps one run after the other: each is trained in pieces, with faults in between, compared with the undisturbed
// run, and removed.
type keeper struct {
	*world
	name, backend string
	steps         int // of a run
	faults        []fault
	make          func(dir string) error // before a run is opened; nil: nothing
	remove        func(dir string) error // when it is over

	round int
	rnd   *rand.Rand
	twin  *twin
	run   *lab.Run
	dir   string
	least int // steps that are surely saved
}

// fault is what may befall a run.
type fault struct {
	kind   string
	weight int
	do     func(k *keeper, ctx context.Context) error
}

func (k *keeper) act(ctx context.Context, rnd *rand.Rand) {
	var err error
	if k.twin, err = k.twins.of(k.backend); err != nil {
		k.ledger.broke("%s: the undisturbed run: %v", k.name, err)
		return
	}
	k.rnd = rnd
	for ctx.Err() == nil {
		k.round++
		if err := k.live(ctx); err != nil {
			k.ledger.broke("run %s: %v", k.runName(), err)
			k.abandon()
		}
	}
}

func (k *keeper) runName() string { return fmt.Sprintf("%s-%d", k.name, k.round) }

func (k *keeper) options() lab.RunOptions { return options(k.runName(), k.backend) }

// options are those of every run, in its own process and in its clients'.
func options(name, backend string) lab.RunOptions {
	return lab.RunOptions{Name: name, Backend: backend, Checkpoint: interval, Idle: -1, Args: []string{"resident", backend}}
}

// open opens the run, or attaches to it, as the next cell would.
func (k *keeper) open() error {
	call, patience := "open", patience
	if k.backend != "go" {
		call, patience = "open, compiled by XLA", compilePatience
	}
	return k.ledger.within(patience, call, func() error {
		r, err := lab.OpenWith(experiment(), k.options())
		if err == nil {
			k.run = r
		}
		return err
	})
}

func (k *keeper) status() (s lab.Status, err error) {
	err = k.ledger.timed("status", func() (err error) { s, err = k.run.Status(); return err })
	return s, err
}

// train has the run train on to its end.
func (k *keeper) train() error {
	return k.ledger.timed("train", func() error {
		s, err := k.run.Status()
		if err != nil || s.Step >= k.steps {
			return err
		}
		return k.run.TrainAsync(k.steps - s.Step)
	})
}

// trainTo trains in front of the client, which takes as long as it takes.
func (k *keeper) trainTo(step int) error {
	err := k.ledger.within(stepsPatience, "steps, watched by a client", func() error { return k.run.TrainTo(step) })
	if err != nil {
		return fmt.Errorf("train to step %d: %w", step, err)
	}
	return nil
}

// live is the life of one run.
func (k *keeper) live(ctx context.Context) error {
	k.least, k.dir = 0, filepath.Join(k.place.runs, k.runName())
	if k.make != nil {
		if err := k.make(k.dir); err != nil {
			return err
		}
	}
	if err := k.open(); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	for ctx.Err() == nil {
		if err := k.train(); err != nil {
			return fmt.Errorf("train: %w", err)
		}
		pause(ctx, 150+k.rnd.IntN(900))
		s, err := k.status()
		if err != nil {
			return fmt.Errorf("status: %w", err)
		}
		if s.Step >= k.steps && s.State == lab.Paused {
			break
		}
		f := choose(k.rnd, k.faults, func(f fault) int { return f.weight })
		k.ledger.fault(f.kind)
		if err := f.do(k, ctx); err != nil {
			return fmt.Errorf("%s: %w", f.kind, err)
		}
		if err := k.compare(); err != nil {
			return fmt.Errorf("after %s: %w", f.kind, err)
		}
	}
	return k.finish()
}

// compare wants the history to be the undisturbed run's, as far as it goes, and as long as the run has made steps.
func (k *keeper) compare() error {
	var metrics []lab.Metric
	if err := k.ledger.timed("metrics", func() (err error) { metrics, err = k.run.Metrics(); return err }); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	s, err := k.status()
	if err != nil {
		return err
	}
	if s.State == lab.Paused && s.Calls != len(metrics) {
		return fmt.Errorf("the history has %d records and the run has made %d steps", len(metrics), s.Calls)
	}
	k.ledger.mu.Lock()
	k.ledger.compared += len(metrics)
	k.ledger.mu.Unlock()
	return k.twin.equals(metrics)
}

// finish ends the run at the end of a lap, compares its whole state, and removes it.
func (k *keeper) finish() error {
	if err := k.ledger.timed("pause", k.run.Pause); err != nil {
		return fmt.Errorf("pause: %w", err)
	}
	s, err := k.status()
	if err != nil {
		return err
	}
	end := (s.Step + lap - 1) / lap * lap
	if end > s.Step {
		if err := k.trainTo(end); err != nil {
			return err
		}
	}
	if err := k.compare(); err != nil {
		return err
	}
	if err := k.ledger.timed("stop", k.run.Stop); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	if end > 0 {
		if err := k.twin.equalsState(k.dir, end); err != nil {
			return err
		}
	}
	return k.remove(k.dir)
}

// abandon ends what is left of a run that broke an assertion, and keeps its folder to be looked at.
func (k *keeper) abandon() {
	for pid, line := range k.place.processes() {
		if strings.HasPrefix(line, k.dir+"/") {
			syscall.Kill(pid, syscall.SIGKILL)
			k.gone(pid)
		}
	}
	os.Remove(filepath.Join(k.dir, resident.SocketFile))
	kept := filepath.Join(k.place.dir, "broken-"+k.runName())
	if err := os.CopyFS(kept, os.DirFS(k.dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		k.ledger.broke("run %s cannot be put aside: %v", k.runName(), err)
	}
	if err := k.remove(k.dir); err != nil {
		k.ledger.broke("run %s cannot be removed: %v", k.runName(), err)
	}
}

// pause waits for some milliseconds, or until ctx ends.
func pause(ctx context.Context, milliseconds int) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(milliseconds) * time.Millisecond):
	}
}
