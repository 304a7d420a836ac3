// Package lab is what a notebook's cells train with. A resident run lives in a process of its own and is reached from any
// cell; without one, Watch shows a train.Trainer at work in the live figure of package show.
//
//	run := lab.Open(exp) // starts the run, or attaches to it
//	run.Train(2000)      // the live figure; interrupting the cell pauses
//
// Reading order: lab.go (training under the figure, without a run), interrupt.go (cells that are interrupted). Resident runs, from a cell:
// options.go, ask.go (how a run is asked), run.go (what it can be asked), start.go and open.go (it starts, is there, or forks),
// and what needs these: train.go, attach.go, panel.go (widgets that steer it), show.go (a run as a value), kept.go (what is kept of
// one between two cells), list.go and end.go (all runs), keep.go (a run in one's own process), sweep.go (many runs of one spec).
// What looks at runs without steering them: source.go (their samples), measure.go, compare.go (side by side), log.go and logcsv.go (for other tools). names.go has what comes from the packages
// below: process (what serves a run), panel, figure, view (samples as pictures) and record (a run's folder). compare has what Compare returns. Imports go from lab to
// process, panel, figure, and from there to view and record.
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gantry.local/gan/sample"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/figure"
	"gantry.local/kernel-ext/lab/view"
	"gantry.local/kernel-ext/show"
)

// EnvFast, when set to 1, makes Steps choose the small budget. `gantry nbrun --fast` sets it.
const EnvFast = "GANTRY_FAST"

// Steps returns full, or fast where a notebook is only to be tried out (EnvFast). A cell's loop over it ends in order when the cell is
// interrupted, see Loop.
func Steps(full, fast int) int {
	if os.Getenv(EnvFast) == "1" {
		return fast
	}
	return full
}

// Options of Watch. The zero value is good for a notebook.
type Options struct {
	Title   string               // of the figure; default: the experiment's name
	Limit   time.Duration        // ends the training after this time; default 0, none
	Samples int                  // drawn from fixed latents; default 0, as many as suit the kind of data (NewView)
	Seed    int64                // of the fixed noise; default 0
	Dir     string               // where pictures go outside a notebook; default "", nowhere
	Each    func(train.Progress) // called after every step, for prints and records; default nil
}

// Watch trains for the given number of steps while the live figure shows losses, samples from fixed latents, speed, time
// left and, for pictures and points in the plane, whether the samples look collapsed (see View and metric.Monitor).
// Interrupting the cell (or Ctrl-C) ends the training after the step that is running; that is no error, and the trainer can
// go on from there.
func Watch(t *train.Trainer, steps int, o Options) error {
	if steps <= 0 {
		return fmt.Errorf("cannot train for %d steps: ask for at least 1", steps)
	}
	if o.Title == "" {
		o.Title = t.Game().Name
	}
	view, err := view.New(t, o.Samples, o.Seed)
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	limited := ctx
	if o.Limit > 0 {
		var stop context.CancelFunc
		limited, stop = context.WithTimeout(ctx, o.Limit)
		defer stop()
	}
	live := show.NewLive(show.LiveOptions{Title: o.Title, Total: t.Step() + steps, Dir: o.Dir})
	last := train.Progress{Step: t.Step()}
	err = Follow(limited, t, steps, live, view.Dress, func(p train.Progress) error {
		last = p
		if o.Each != nil {
			o.Each(p)
		}
		return nil
	})
	if err != nil {
		return errors.Join(err, live.Done())
	}
	end := frame(last)
	if err := view.Dress(&end, last, true); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		end.Remark = "interrupted; run the cell again to train on"
	case limited.Err() != nil:
		end.Remark = fmt.Sprintf("time limit of %s reached", o.Limit)
	}
	return live.End(end)
}

func frame(p train.Progress) show.Frame {
	return show.Frame{Step: p.Step, Numbers: figure.Curves(p)}
}

// Follow trains for the given number of steps and keeps live up to date with every step. dress, such as View.Dress, adds
// to a step's frame; samples are due only when they will be seen, for they cost time. each is called after every step and
// ends the training by its error. The end of ctx ends it between two steps, which is no error. Done is left to the caller.
func Follow(ctx context.Context, t *train.Trainer, steps int, live *show.Live,
	dress func(frame *show.Frame, p train.Progress, due bool) error, each func(train.Progress) error) error {
	for p, err := range t.Train(ctx, steps) {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil
		}
		if err != nil {
			return err
		}
		frame := frame(p)
		if err := dress(&frame, p, live.Due()); err != nil {
			return err
		}
		if err := live.Update(frame); err != nil {
			return err
		}
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

// Samples draws n images from latents that depend on the seed alone, ready to be shown.
func Samples(t *train.Trainer, n int, seed int64) (*sample.Images, error) {
	images, err := t.Sample(n, seed)
	return &images, err
}
