package lab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/lab/figure"
	"gantry.local/kernel-ext/lab/process"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
	"gantry.local/kernel-ext/show"
)

// Train trains for n more steps and shows the live figure, with the whole history, until they are done. Interrupting the
// cell pauses the run after the step that is under way; the error is then an ErrPaused that says where.
//
// Where the run is training already because of a Train or TrainAsync of the same n, Train joins it, and adds no steps: so
// a cell can be run again after the kernel was restarted. Any other n is counted from where the run is now. A run that is
// paused, by this client or another, is no longer training: Train(n) then trains for n more steps.
func (r *Run) Train(n int) error { return r.train(process.TrainArgs{N: n, Ask: n}, n) }

// TrainTo is Train until a step, which is counted from the run's beginning. A run that has reached it is left alone.
func (r *Run) TrainTo(step int) error { return r.train(process.TrainArgs{To: step}, step) }

// TrainAsync begins to train for n more steps, as Train does, and returns at once. In a notebook its figure goes on
// updating below the cell, also after the cell has ended and the page was loaded anew; the run goes on when the kernel is
// restarted, and the figure with it. Running the cell again while it trains joins it, as with Train.
func (r *Run) TrainAsync(n int) error {
	if n <= 0 {
		return fmt.Errorf("cannot train for %d steps: ask for at least 1", n)
	}
	var g process.GoalReply
	if err := r.change(context.Background(), "train", process.TrainArgs{N: n, Ask: n}, &g); err != nil || r.observer {
		return err
	}
	path := os.Getenv(channel.Env)
	if path == "" {
		fmt.Printf("run %s trains to step %d in its own process; run.Status() says where it is\n", r.name, g.Until)
		return nil
	}
	return r.call(context.Background(), "figure", process.FigureArgs{Channel: path, Until: g.Until}, nil)
}

func (r *Run) train(a process.TrainArgs, n int) error {
	if n <= 0 {
		return fmt.Errorf("cannot train for %d steps: ask for at least 1", n)
	}
	if r.observer {
		return nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	g, err := r.begin(ctx, a)
	if err != nil {
		return err
	}
	return r.watch(ctx, g.Until, math.MaxInt, show.LiveOptions{Title: r.name, Total: g.Until}, func(record.Event) error { return nil })
}

// TrainShown is TrainTo with a figure of one's own, and each is told of every step that is made, with how the run was when it
// was told. The end of ctx pauses the run.
func (r *Run) TrainShown(ctx context.Context, step int, live show.LiveOptions, each func(record.Metric, record.Status) error) error {
	s, err := r.Status()
	if err != nil {
		return err
	}
	if _, err := r.begin(ctx, process.TrainArgs{To: step}); err != nil {
		return err
	}
	return r.watch(ctx, step, s.Calls, live, func(e record.Event) error {
		for _, m := range e.Metrics {
			if m.Calls <= s.Calls || !m.Ordinary() {
				continue
			}
			if err := each(m, e.Status); err != nil {
				return err
			}
		}
		return nil
	})
}

// begin asks the run to train. Where ctx ends before the run has answered it may have begun, and is paused.
func (r *Run) begin(ctx context.Context, a process.TrainArgs) (g process.GoalReply, err error) {
	err = r.call(ctx, "train", a, &g)
	if err == nil || ctx.Err() == nil {
		return g, err
	}
	s, err := r.pause()
	if err != nil {
		return g, err
	}
	return g, r.pausing(s, max(s.Target, a.To))
}

// watch shows the run at work until a step is reached. It may be told in stretches of the steps up to so many calls.
func (r *Run) watch(ctx context.Context, until, joined int, live show.LiveOptions, each func(record.Event) error) error {
	f := figure.New(ctx, r.look, &figure.Budget{}, live)
	for event, err := range r.follow(ctx, process.FollowArgs{Joined: joined}) {
		if err != nil && ctx.Err() == nil {
			return errors.Join(err, f.Live.Done())
		}
		if err != nil {
			return r.interrupted(f, until)
		}
		if err := each(event); err != nil {
			return errors.Join(err, f.Live.Done())
		}
		if err := f.Add(event); err != nil && ctx.Err() == nil && !diskFull(err) { // the run itself says that there is no room
			return err
		}
		s := event.Status
		if s.Step >= until && f.CaughtUp(s) {
			if err := f.End(""); !diskFull(err) {
				return err
			}
			return nil
		}
		if s.State == record.Failed {
			return errors.Join(errors.New(s.Problem), f.Fail(s.Problem))
		}
		if s.State == record.Paused && f.CaughtUp(s) {
			paused := process.PausedAt(s, until, "")
			return errors.Join(paused, f.End("paused; run.Resume() goes on"))
		}
	}
	return nil
}

// look looks at the run's samples.
func (r *Run) look(ctx context.Context) (l view.Look, content []byte, err error) {
	content, err = r.ask(ctx, "look", nil, &l)
	return l, content, err
}

// diskFull tells whether there was no room to write.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

const lastLook = 2 * time.Second // for the samples of an interrupted figure

// interrupted pauses the run because its cell was interrupted.
func (r *Run) interrupted(f *figure.Figure, until int) error {
	var end context.CancelFunc
	f.Ctx, end = context.WithTimeout(context.Background(), lastLook)
	defer end()
	s, err := r.pause()
	if err != nil {
		return errors.Join(err, f.Live.Done())
	}
	remark := "paused; run.Resume() goes on"
	if f.Busy = s.State != record.Paused; f.Busy {
		remark = "it pauses as soon as what it computes is done"
	}
	return errors.Join(r.pausing(s, until), f.End(remark))
}

// pause asks the run to pause, whatever became of the cell's context, and returns how it was then.
func (r *Run) pause() (s record.Status, err error) {
	err = r.change(context.Background(), "pause", nil, &s)
	return s, err
}

// pausing says of a run that was asked to pause where that is.
func (r *Run) pausing(s record.Status, until int) error {
	if s.State == record.Paused {
		return process.PausedAt(s, until, "")
	}
	return fmt.Errorf("run %s: %w as soon as what it computes is done, after step %d of %d", r.name, process.ErrPaused, s.Step, until)
}
