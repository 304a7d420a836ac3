package lab

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/process"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
	"gantry.local/kernel-ext/show"
)

// String is the run's status in a line.
func (r *Run) String() string {
	s, err := r.Status()
	if err != nil {
		return err.Error()
	}
	return s.String()
}

// Status returns where the run stands. It is answered at once, whatever the run computes; that of a run without a process
// is its last.
func (r *Run) Status() (record.Status, error) {
	var s record.Status
	err := r.call(context.Background(), "status", nil, &s)
	if gone(err) {
		i, err := record.ReadInfo(r.dir)
		if err != nil {
			return s, err
		}
		s = i.Status
		s.Signature, s.State, s.Pid = i.Definition, record.Ended, 0
		return s, nil
	}
	return s, err
}

// Settings returns the present values of what Set changes.
func (r *Run) Settings() (record.Settings, error) {
	s, err := r.Status()
	return s.Settings, err
}

// Pause ends the training after the step that is under way. Where that takes longer than half a second, Pause returns
// before.
func (r *Run) Pause() error { return r.change(context.Background(), "pause", nil, nil) }

// Resume trains on to where the last Train or TrainAsync was to end, and returns at once.
func (r *Run) Resume() error { return r.change(context.Background(), "resume", nil, nil) }

// TrainAlone makes k updates of one network alone, such as method.CriticName, and waits for them; Status.Networks has the names.
// The run must not be training.
func (r *Run) TrainAlone(network string, k int) error {
	if k <= 0 {
		return fmt.Errorf("cannot make %d steps: ask for at least 1", k)
	}
	if network == "" {
		return errors.New("TrainAlone needs the name of a network, such as \"critic\"")
	}
	if r.observer {
		return nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	var g process.GoalReply
	if err := r.call(ctx, "train", process.TrainArgs{N: k, Network: network}, &g); err != nil {
		return err
	}
	err := r.call(ctx, "wait", process.WaitArgs{Network: network, Until: g.Until}, nil)
	if ctx.Err() != nil {
		return errors.Join(fmt.Errorf("run %s: %w before all of its steps were done", r.name, process.ErrPaused), r.Pause())
	}
	return err
}

// Wait waits, without a figure, until the run has reached a step; the error is ErrPaused where it stops before.
func (r *Run) Wait(ctx context.Context, step int) error {
	err := r.call(ctx, "wait", process.WaitArgs{Until: step}, nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Set changes a setting from the next step on, as train.Trainer.Set does. See Settings for the names.
func (r *Run) Set(name string, value float64) error {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return fmt.Errorf("setting %s cannot be %g: want a finite number", name, value)
	}
	return r.change(context.Background(), "set", process.SetArgs{Name: name, Value: value}, nil)
}

// SetLoss puts the loss of this name (see loss.Named) in the place of the present one, from the next step on. The step is
// compiled anew, for which the call waits.
func (r *Run) SetLoss(name string) error {
	if name == "" {
		return errors.New("SetLoss needs the name of a loss, such as \"hinge\"")
	}
	return r.change(context.Background(), "set", process.SetArgs{Loss: name}, nil)
}

// Sample draws n images from latents that depend on the seed alone, as train.Trainer.Sample does.
func (r *Run) Sample(n int, seed int64) (sample.Images, error) {
	return r.images(process.SampleArgs{N: n, Seed: seed})
}

// Generate maps latents, [n, latent] row-major, to n images. classes are theirs where the generator is conditional; nil
// takes the classes in turn.
func (r *Run) Generate(latents []float32, classes []int32) (sample.Images, error) {
	if len(latents) == 0 {
		return sample.Images{}, errors.New("Generate needs latents")
	}
	for _, z := range latents {
		if z != z || z-z != 0 {
			return sample.Images{}, errors.New("Generate: a latent is not finite")
		}
	}
	return r.images(process.SampleArgs{Z: latents, Classes: classes})
}

func (r *Run) images(a process.SampleArgs) (sample.Images, error) {
	var made view.Shape
	bytes, err := r.ask(context.Background(), "sample", a, &made)
	if err != nil {
		return sample.Images{}, err
	}
	return sample.Images{N: made.N, Height: made.H, Width: made.W, Channels: made.C, Values: view.Floats(bytes)}, nil
}

// Render draws the samples of latents, as Generate does, as the content of a file: .png, .npy or .txt, see view.Rendered.
func (r *Run) Render(z []float32, classes []int32, ending string) ([]byte, error) {
	return r.ask(context.Background(), "sample", process.SampleArgs{Z: z, Classes: classes, As: ending}, nil)
}

// Picture is the picture of a whole page of the figure's samples, as a PNG; ErrNoPicture where there is none for the data.
func (r *Run) Picture(ctx context.Context) ([]byte, error) { return r.ask(ctx, "picture", nil, nil) }

// ONNX is the generator as a model for other programs that makes so many images at once, see export.ONNX.
func (r *Run) ONNX(batch int) ([]byte, error) {
	return r.ask(context.Background(), "export", batch, nil)
}

// SaveWeights writes the weights of all networks into a folder, as train.Trainer.SaveWeights does, whether the run has a
// process or not. train.LoadGenerator makes a generator of them, to be measured, compressed or exported.
func (r *Run) SaveWeights(dir string) error {
	if r.observer {
		return nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	err = r.call(context.Background(), "weights", dir, nil)
	if !gone(err) {
		return err
	}
	w, err := record.WeightsOf(r.dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot save: %w", err)
	}
	for _, name := range w.Names {
		file := w.Networks[name]
		if file == nil {
			return fmt.Errorf("run %s: the weights of the %s are lost: %s", r.name, name, w.Notice)
		}
		if err := file.Save(filepath.Join(dir, name+".safetensors")); err != nil {
			return err
		}
	}
	return nil
}

// Metrics returns what was recorded of every step since the run began or, of a run of more than 262,000 steps, of at least the
// newest 131,000: Stretches has them all. That of a run without a process is read from its folder.
func (r *Run) Metrics() ([]record.Metric, error) {
	var all process.EventReply
	records, err := r.ask(context.Background(), "metrics", nil, &all)
	if gone(err) {
		return record.Recorded(r.dir)
	}
	if err != nil {
		return nil, err
	}
	return all.Columns.Metrics(records, all.First), nil
}

// Stretches returns the whole history of the run in at most so many stretches of about as many steps each: of every number the mean, and
// the least and the greatest, so that a spike of a single step is in it. It is read from the run's folder; what its process
// has not written yet, a fifth of a second, is missing.
func (r *Run) Stretches(most int) ([]show.Stretch, error) {
	if most < 1 {
		return nil, fmt.Errorf("cannot show a run in %d stretches: ask for at least 1", most)
	}
	return record.Stretches(r.dir, most)
}

// Follow yields what is recorded after the given call (0: everything, the whole history first), and the status whenever it
// changes, twenty times a second at most, until ctx ends, which yields its error, or the run's process does. Of steps that are not kept
// one by one any more it yields stretches.
func (r *Run) Follow(ctx context.Context, after int) iter.Seq2[record.Event, error] {
	return r.follow(ctx, process.FollowArgs{After: after})
}

// follow is Follow, which may tell of the first steps in stretches.
func (r *Run) follow(ctx context.Context, a process.FollowArgs) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		conn, err := r.client().Dial(ctx, "follow", a)
		if err != nil {
			yield(record.Event{}, r.worded(err))
			return
		}
		defer conn.Close()
		for {
			var e process.EventReply
			records, err := conn.Receive(&e)
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(record.Event{}, r.worded(err))
				return
			}
			if !yield(e.Event(records), nil) {
				return
			}
		}
	}
}

// Checkpoint saves the run's state now.
func (r *Run) Checkpoint() error { return r.change(context.Background(), "checkpoint", nil, nil) }

// Checkpoints returns the steps that Rewind reaches at once.
func (r *Run) Checkpoints() ([]int, error) {
	s, err := r.Status()
	return s.Checkpoints, err
}

// Rewind pauses the run and goes back to the state after the given step: to the newest checkpoint that is not younger, and
// from there by the very steps that were made, with the settings that were changed in between, so that on a backend that
// repeats the state is that of then bit for bit. What came after is forgotten; Fork first to keep it. exact tells whether
// the steps made again reported what they did the first time.
func (r *Run) Rewind(step int) (exact bool, err error) {
	if step < 0 {
		return false, fmt.Errorf("cannot go back to step %d", step)
	}
	if r.observer {
		return true, nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	var done process.RewindReply
	err = r.call(ctx, "rewind", step, &done)
	if ctx.Err() != nil {
		return false, fmt.Errorf("run %s: interrupted on the way back to step %d; it is where that ended, see run.Status", r.name, step)
	}
	return done.Exact, err
}

// Stop saves the run's state and ends its process. Open goes on from there.
func (r *Run) Stop() error {
	if r.observer {
		return nil
	}
	err := r.call(context.Background(), "stop", nil, nil)
	if err != nil && !gone(err) {
		return err
	}
	if !resident.AwaitEnd(r.dir, stopPatience) {
		return fmt.Errorf("run %s has saved its state, and its process does not end: `gantry stop %s` kills it", r.name, r.name)
	}
	return nil
}

const stopPatience = 10 * time.Second
