package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/lab/figure"
	"gantry.local/kernel-ext/lab/panel"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/widget"
)

// awayPatience is how long a panel waits for its notebook's kernel.
const awayPatience = time.Hour

// host connects to a notebook's kernel and shows a panel or an explorer there. It goes on until the run's process or the
// kernel ends, or another of its kind takes its place.
func (r *Keeper) host(ctx context.Context, a HostArgs) error {
	if err := r.wait(ctx, func() bool { return r.ready && !r.stopping }); err != nil {
		return err
	}
	key := a.What + " " + a.Path
	r.guests.end(key)
	ui, err := widget.Connect(ctx, a.Path, a.Parent)
	if err != nil {
		return err
	}
	var loop func(context.Context)
	switch a.What {
	case HostPanel:
		loop, err = panel.Start(ctx, ui, r.forPanel(), &r.budget)
	case HostExplorer:
		loop, err = panel.StartExplorer(ui, r.forPanel(), r.data)
	default:
		err = fmt.Errorf("this process cannot host a %q", a.What)
	}
	if err != nil {
		return errors.Join(err, ui.Close())
	}
	return r.letIn(key, ui, awayPatience, func(ctx context.Context) error { loop(ctx); return nil })
}

// letIn lets what ui shows live until loop returns, or its kernel has ended, or has been away for longer than patience; 0: however
// long.
func (r *Keeper) letIn(key string, ui *widget.UI, patience time.Duration, loop func(context.Context) error) error {
	err := r.guests.add(key, func(ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		go awaitEnd(ctx, ui, patience, cancel)
		err := loop(ctx)
		cancel()
		if err = errors.Join(err, ui.Close()); err != nil {
			kind, _, _ := strings.Cut(key, " ")
			fmt.Fprintf(os.Stderr, "lab: %s: %s\n", kind, record.OneLine(err))
		}
	})
	if err != nil {
		ui.Close()
	}
	return err
}

// awaitEnd ends a guest when its kernel has ended, or has been away for too long.
func awaitEnd(ctx context.Context, ui *widget.UI, patience time.Duration, end func()) {
	defer end()
	for ctx.Err() == nil && (patience == 0 || ui.Away() < patience) {
		look, cancel := context.WithTimeout(ctx, time.Minute)
		ui.Wait(look)
		ended := look.Err() == nil
		cancel()
		if ended {
			return
		}
	}
}

// forPanel is what a panel asks of the run: straight, for it lives here.
func (r *Keeper) forPanel() panel.Steered {
	set := func(ctx context.Context, a SetArgs) error {
		return r.between(ctx, func() error { return r.set(a) })
	}
	return panel.Steered{
		Name: r.name, Status: r.present, Follow: r.events, Look: r.lookBetween, Single: r.single, Resume: r.resume,
		Past: r.past,
		Generate: func(ctx context.Context, z []float32, classes []int32) (sample.Images, error) {
			return r.sample(ctx, SampleArgs{Z: z, Classes: classes})
		},
		Train: func(ctx context.Context, steps int) error {
			_, err := r.train(ctx, TrainArgs{N: steps, Ask: steps})
			return err
		},
		Pause: func(ctx context.Context) error { r.pause(ctx); return nil },
		Set: func(ctx context.Context, name string, value float64) error {
			return set(ctx, SetArgs{Name: name, Value: value})
		},
		SetLoss: func(ctx context.Context, name string) error { return set(ctx, SetArgs{Loss: name}) },
	}
}

// past is what was recorded so far.
func (r *Keeper) past(ctx context.Context) (record.Event, error) {
	if err := r.wait(ctx, func() bool { return r.ready }); err != nil {
		return record.Event{}, err
	}
	for e, err := range r.events(ctx, 0) {
		return e, err
	}
	return record.Event{}, ErrEnding
}

// single makes one step, or one of a network alone, and waits for it.
func (r *Keeper) single(ctx context.Context, network string) error {
	g, err := r.train(ctx, TrainArgs{N: 1, Ask: 1, Network: network})
	if err != nil {
		return err
	}
	if err = r.reach(ctx, WaitArgs{Network: network, Until: g.Until}); errors.Is(err, ErrPaused) { // by another client
		return nil
	}
	return err
}

// figure begins to draw the run's figure below the cell that is running in the notebook behind a channel, in the place of
// the one that is drawn in that notebook already, which stays as it is.
func (r *Keeper) figure(ctx context.Context, a FigureArgs) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ui, err := widget.Connect(ctx, a.Channel, nil)
	if err != nil {
		return fmt.Errorf("the run trains, but its figure cannot be shown: %w", err)
	}
	return r.letIn("figure "+a.Channel, ui, 0, func(ctx context.Context) error {
		return figure.Draw(ctx, ui, r.name, r.events(ctx, 0), r.lookBetween, &r.budget, a.Until)
	})
}
