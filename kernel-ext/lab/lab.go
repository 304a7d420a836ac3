// Package lab is what a notebook's cells train with: it shows a gan.Trainer at work in the live figure of package show.
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gantry.local/gan"
	"gantry.local/kernel-ext/show"
)

// EnvFast, when set to 1, makes Steps choose the small budget. `gantry nbrun --fast` sets it.
const EnvFast = "GANTRY_FAST"

// Steps returns full, or fast where a notebook is only to be tried out (EnvFast).
func Steps(full, fast int) int {
	if os.Getenv(EnvFast) == "1" {
		return fast
	}
	return full
}

// Options of Watch. The zero value is good for a notebook.
type Options struct {
	Title   string             // of the figure; default: the experiment's name
	Limit   time.Duration      // ends the training after this time; default 0, none
	Samples int                // images of the fixed-noise grid; default 64
	Seed    int64              // of the fixed noise; default 0
	Dir     string             // where pictures go outside a notebook; default "", nowhere
	Each    func(gan.Progress) // called after every step, for prints and records; default nil
}

// Watch trains for the given number of steps while the live figure shows losses, samples from fixed latents, speed and
// time left. Interrupting the cell (or Ctrl-C) ends the training after the step that is running; that is no error, and
// the trainer can go on from there.
func Watch(t *gan.Trainer, steps int, o Options) error {
	if steps <= 0 {
		return fmt.Errorf("cannot train for %d steps: ask for at least 1", steps)
	}
	if o.Title == "" {
		o.Title = t.Experiment().Name
	}
	if o.Samples == 0 {
		o.Samples = 64
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
	last := show.Frame{Step: t.Step()}
	for p, err := range t.Train(limited, steps) {
		if limited.Err() != nil && errors.Is(err, limited.Err()) {
			break
		}
		if err != nil {
			return errors.Join(err, live.Done())
		}
		last = show.Frame{Step: p.Step, CriticLoss: p.CriticLoss, GeneratorLoss: p.GeneratorLoss}
		if live.Due() { // samples cost time, so only when they will be seen
			if last.Samples, err = samples(t, o); err != nil {
				return err
			}
		}
		if err := live.Update(last); err != nil {
			return err
		}
		if o.Each != nil {
			o.Each(p)
		}
	}
	var err error
	if last.Samples, err = samples(t, o); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		last.Note = fmt.Sprintf("interrupted after step %d; run the cell again to train on", t.Step())
	case limited.Err() != nil:
		last.Note = fmt.Sprintf("time limit of %s reached at step %d", o.Limit, t.Step())
	}
	return errors.Join(live.Update(last), live.Done())
}

func samples(t *gan.Trainer, o Options) (*show.Images, error) {
	images, err := t.Sample(o.Samples, o.Seed)
	shown := show.Images(images)
	return &shown, err
}
