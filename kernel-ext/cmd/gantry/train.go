package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/gan/recipe"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/show"
)

const reportEvery = 500 * time.Millisecond

type trainOptions struct {
	lab.Recipe
	parts       parts
	adopted     bool   // the recipe is that of the run to go on with
	why         string // what was chosen for the data, in a line
	steps       int
	out         string
	backend     string
	maxTime     time.Duration
	resume      bool
	fromWeights bool
	json        bool
	lint        bool
	measure     int
}

func trainCommand() *cobra.Command {
	var o trainOptions
	c := &cobra.Command{
		Use:   "train --recipe NAME --steps N --out DIR",
		Short: "Train a recipe into a run folder",
		Long: "Trains a recipe until its step N. The run folder gets checkpoints (every half minute, at the end and at Ctrl-C), the\n" +
			"weights of both networks as .safetensors, progress.jsonl, and pictures of samples and losses. What the recipe linter\n" +
			"finds is said before the first step.\n\n" +
			"Such a run is a run as notebooks have them: `gantry runs DIR` lists it, `gantry stop DIR` ends it, and where DIR is in\n" +
			"the folder of runs a cell opens it by its name. With --resume a run of a notebook is trained on; one that another\n" +
			"process is training is asked to go on until step N, and shown.\n\n" +
			"A run folder is code: its program is started when the run is opened. Folders of other users are refused.\n\n" +
			"What is trained is a recipe, and what flags such as --loss change in it; or --spec FILE says it, all of it or what differs\n" +
			"from its recipe. Each run keeps what it trains so, in its spec.json. `gantry parts` lists what a flag can name.\n\n" +
			"Recipes:\n" + recipes() + "\nData sets: " + strings.Join(data.Names(), ", ") + ".\n" +
			"Options of a set follow its name: ring,n=500,seed=3 or folder:photos,size=32. Without --recipe one that suits the data is taken;\n" +
			"networks take the size of its samples. Pictures that do not fit into memory are read while they are trained on, and with\n" +
			"stream=true in any case.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			own, err := o.adopt(c.Flags().Changed, c.ErrOrStderr())
			if err != nil {
				return err
			}
			of, err := o.check(c.Flags().Changed, own)
			if err != nil {
				return misuse{err}
			}
			if o.why != "" {
				fmt.Fprintln(c.ErrOrStderr(), o.why)
			}
			if o.lint {
				return report(of, c.OutOrStdout())
			}
			if info, err := os.Stat(o.out); err == nil && !info.IsDir() {
				return misusef("--out %s: it is no folder; name another", o.out)
			}
			signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // who reads the progress may go away: the run saves and ends
			return o.train(c.Context(), of, own, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.flags(c.Flags())
	return c
}

// flags has the flags of a command set o.
func (o *trainOptions) flags(f *pflag.FlagSet) {
	o.parts.flags(f)
	f.StringVar(&o.Name, "recipe", "mlp", "what to train, see above; with --data alone, one that suits the data")
	f.StringVar(&o.Data, "data", "", "data set, see above (default: the recipe's)")
	f.IntVar(&o.steps, "steps", 5000, "total steps, those before a --resume included")
	f.IntVar(&o.Batch, "batch", 0, "real images per critic update (default: the recipe's)")
	f.Int64Var(&o.Seed, "seed", 0, "of weights, latents and batches")
	f.StringVar(&o.out, "out", "", "run folder")
	f.StringVar(&o.backend, "backend", "", "xla:cpu, xla:cuda, xla:/path/to/plugin.so or go (default: $GOMLX_BACKEND, then xla:cuda where there is a GPU and its plugin, then xla:cpu)")
	f.DurationVar(&o.maxTime, "max-time", 0, "stop after this time, such as 4m")
	f.BoolVar(&o.resume, "resume", false, "go on from the last checkpoint in the run folder")
	f.BoolVar(&o.fromWeights, "from-weights", false, "with --resume, where no checkpoint is whole: go on from the weights, with fresh optimizers")
	f.BoolVar(&o.json, "json", false, "progress as JSON lines on standard output")
	f.IntVar(&o.measure, "measure-every", 0, "measure the samples' kernel distance from the data at every so many steps, in at most a fortieth of the time; 0: never")
	f.BoolVar(&o.lint, "check", false, "print what the recipe linter finds and train nothing; exit code 1 if it finds something")
}

// gameName is the name of what is trained.
func gameName(of method.Description) string {
	game, err := of.Game()
	if err != nil {
		return ""
	}
	return game.Name
}

func recipes() string {
	text := ""
	for _, r := range recipe.All() {
		text += fmt.Sprintf("  %-14s %s\n", r.Name, r.About)
	}
	return text
}

// adopt takes the settings that were not given from the run to be resumed. own tells that its experiment is no recipe's, so
// that only its own program can train it.
func (o *trainOptions) adopt(given func(flag string) bool, log io.Writer) (own bool, err error) {
	if !o.resume || o.out == "" {
		return false, nil
	}
	before, notice, err := lab.RecipeIn(o.out)
	if errors.Is(err, lab.ErrDamagedInfo) && given("recipe") {
		return false, nil // what is given is compared with the checkpoints
	}
	switch {
	case errors.Is(err, lab.ErrNoRun):
		return false, nil // claim will say that there is no run
	case errors.Is(err, lab.ErrDamagedInfo):
		return false, fmt.Errorf("%w; add --recipe, --data, --batch and --seed as they were to go on from its checkpoints, or name another --out", err)
	case err != nil:
		return false, err
	case notice != "":
		fmt.Fprintln(log, notice)
	}
	if before.Data == "" {
		if of, err := before.Description(); err == nil {
			if game, err := of.Game(); err == nil {
				before.Data = game.DataName()
			}
		}
	}
	if err := o.same(before, given); err != nil {
		return false, err
	}
	o.Recipe, o.adopted = before, true
	return !before.Known(), nil
}

// check reports wrong use and returns what is to be trained, nil where only the run's own program can make it.
func (o *trainOptions) check(given func(flag string) bool, own bool) (method.Description, error) {
	switch {
	case o.steps <= 0:
		return nil, fmt.Errorf("--steps %d: want at least 1", o.steps)
	case given("batch") && o.Batch <= 0:
		return nil, fmt.Errorf("--batch %d: want at least 1", o.Batch)
	case o.out == "" && !o.lint:
		return nil, errors.New("--out is missing: name the run folder")
	case o.measure < 0:
		return nil, fmt.Errorf("--measure-every %d: want 0 or more steps", o.measure)
	case o.maxTime < 0:
		return nil, fmt.Errorf("--max-time %s: want a positive time", o.maxTime)
	}
	if o.fromWeights && !o.resume {
		return nil, errors.New("--from-weights goes with --resume")
	}
	if _, err := device.Resolve(o.backend); own || err != nil {
		return nil, err
	}
	if !o.adopted {
		if err := o.compose(given); err != nil {
			return nil, err
		}
	}
	of, err := o.Description()
	if err != nil {
		return nil, o.flagged(err)
	}
	game, err := of.Game()
	if err != nil {
		return nil, err
	}
	o.Data, o.Batch = game.DataName(), game.BatchSize
	return of, nil
}

// report prints the linter's findings. Any is an error.
func report(of method.Description, out io.Writer) error {
	game, err := of.Game()
	if err != nil {
		return misuse{err}
	}
	findings := lint.CheckOf(of)
	for _, f := range findings {
		fmt.Fprintln(out, f)
	}
	if len(findings) > 0 {
		return fmt.Errorf("the linter found %d mistake(s) in recipe %s; see above", len(findings), game.Name)
	}
	fmt.Fprintf(out, "the linter found nothing in recipe %s on %s\n", game.Name, game.DataName())
	return nil
}

// train trains the run, which this process keeps unless another does, or it is of an experiment that only its own program
// can make.
func (o *trainOptions) train(ctx context.Context, of method.Description, own bool, out, log io.Writer) (err error) {
	if err := o.claim(); err != nil {
		return err
	}
	dir, err := filepath.Abs(o.out)
	if err != nil {
		return err
	}
	living := lab.Lives(dir)
	if living || own {
		run, err := lab.Attach(dir)
		if err != nil {
			return err
		}
		o.began(run, log)
		err = o.follow(ctx, run, nil, out, log)
		if !living { // it was started for this
			err = errors.Join(err, run.Stop())
		}
		return err
	}
	choice, err := device.Resolve(o.backend)
	if err != nil {
		return err
	}
	changed := lab.Refuse
	if o.fromWeights {
		changed = lab.FromWeights
	}
	begin := sync.OnceFunc(func() { fmt.Fprintf(log, "%s; compiling %s\n", choice.Reason, gameName(of)) })
	if o.resume { // it was checked when it began
		begin()
	}
	kept, err := lab.Keep(ctx, dir, of, lab.RunOptions{Backend: choice.Config, Changed: changed, Made: o.Recipe, MeasureEvery: o.measure, Check: func() error {
		findings := lint.CheckOf(of)
		if err := possible(of, findings); err != nil {
			return err
		}
		for _, f := range findings {
			fmt.Fprintln(log, "warning:", f)
		}
		begin()
		return nil
	}})
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted before it had trained; what %s held before is as it was", o.out)
	}
	if errors.Is(err, lab.ErrLiving) {
		return fmt.Errorf("another process has just begun to train in %s; add --resume to see it", o.out)
	}
	if err != nil {
		return err
	}
	o.began(kept.Run, log)
	err = o.follow(ctx, kept.Run, kept, out, log)
	if ended := kept.End(); err == nil {
		err = ended
	}
	return err
}

// began says where the run stands as it is opened.
func (o *trainOptions) began(run *lab.Run, log io.Writer) {
	if notice := run.Notice(); notice != "" {
		fmt.Fprintln(log, notice)
	}
	if s, err := run.Status(); err == nil && o.resume {
		fmt.Fprintf(log, "resuming at step %d\n", s.Step)
	}
}

// claim wants a folder for a new run or, with --resume, one with a run.
func (o *trainOptions) claim() error {
	if lab.HoldsRun(o.out) && o.resume {
		return nil
	}
	if lab.Lives(o.out) {
		return fmt.Errorf("another process is training in %s; add --resume to see it and to train on, or name another --out", o.out)
	}
	entries, err := os.ReadDir(o.out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("--out: %w", err)
	}
	started := false
	for _, e := range entries {
		started = started || e.Name() != "lock" && e.Name() != "socket" // of a run that was killed before it began
	}
	switch {
	case o.resume:
		return fmt.Errorf("%s holds no run to resume; leave out --resume to begin one", o.out)
	case started:
		return fmt.Errorf("%s is not empty; add --resume to go on with the run in it, or name another --out", o.out)
	}
	return nil
}

// follow trains the run until the last step, the time limit or ctx's end, which are all good ends, and reports. kept is nil
// where another process keeps the run.
func (o *trainOptions) follow(ctx context.Context, run *lab.Run, kept *lab.Kept, out, log io.Writer) error {
	s, err := run.Status()
	if err != nil {
		return err
	}
	if s.Step >= o.steps {
		fmt.Fprintf(log, "%s is at step %d already; ask for more --steps to train on\n", o.out, s.Step)
		if s.Step == o.steps {
			return recordLast(run, s)
		}
		return nil
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if o.maxTime > 0 {
		limited, cancel = context.WithTimeout(ctx, o.maxTime)
	}
	defer cancel()
	records := &records{path: filepath.Join(run.Dir(), progressFile), last: o.steps, begin: time.Now()}
	live := show.LiveOptions{Title: run.Name(), Total: o.steps, Dir: run.Dir(), Out: log}
	if o.Name != "" {
		live.Title = o.Name
	}
	if o.json {
		records.out, live.Out = out, io.Discard
	}
	err = run.TrainShown(limited, o.steps, live, records.add)
	for kept != nil && errors.Is(err, lab.ErrUnsaved) && limited.Err() == nil { // nothing is lost while this process lives
		fmt.Fprintln(log, oneLine(err))
		if !waitForRoom(limited, run) {
			break
		}
		err = run.TrainShown(limited, o.steps, live, records.add)
	}
	if failed := records.close(); err == nil {
		err = failed
	}
	if err != nil && !errors.Is(err, lab.ErrPaused) {
		return o.stopped(run, kept, err)
	}
	if pictured := savePicture(ctx, run); pictured != nil && err == nil {
		return pictured
	}
	if kept != nil {
		if err := kept.End(); err != nil {
			return err
		}
	}
	now, statusErr := run.Status()
	if statusErr != nil {
		return statusErr
	}
	if spent := now.Privacy; spent != nil {
		fmt.Fprintf(log, "%v, for weights and samples; checkpoints and what this run reports are not private\n", spent)
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted; step %d is saved, go on with --resume", now.Step)
	case limited.Err() != nil:
		fmt.Fprintf(log, "time limit reached at step %d, which is saved; go on with --resume\n", now.Step)
		return nil
	}
	return err
}

// stopped is why the run ended while it was followed.
func (o *trainOptions) stopped(run *lab.Run, kept *lab.Kept, err error) error {
	if kept == nil {
		return err
	}
	select {
	case <-kept.Ended():
	default:
		return err
	}
	if kept.Err() != nil {
		return nil // End says it
	}
	s, statusErr := run.Status()
	if statusErr != nil {
		return statusErr
	}
	return fmt.Errorf("stopped by another process; step %d is saved, go on with --resume", s.Step)
}

// waitForRoom waits until the run could be saved; false when ctx ends before, or the run does.
func waitForRoom(ctx context.Context, run *lab.Run) bool {
	for {
		s, err := run.Status()
		if err != nil || s.State == lab.Ended {
			return false
		}
		if s.Unsaved == "" {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(reportEvery):
		}
	}
}

// savePicture puts a page of samples into the run's folder, where the data can be pictured. One that is being told to end
// does so if it is quick.
func savePicture(ctx context.Context, run *lab.Run) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
	}
	picture, err := run.Picture(ctx)
	if errors.Is(err, lab.ErrNoPicture) {
		return nil
	}
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(run.Dir(), "samples.png"), picture)
}
