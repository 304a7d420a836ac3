package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/method"
	"gantry.local/gan/metric"
	"gantry.local/gan/recipe"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/show"
)

const reportEvery = 500 * time.Millisecond

type trainOptions struct {
	lab.Recipe
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
			"Recipes:\n" + recipes() + "\nData sets: " + strings.Join(data.Names(), ", ") + ".\n" +
			"Options of a set follow its name: ring,n=500,seed=3 or folder:photos,size=32.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			own, err := o.adopt(c.Flags().Changed, c.ErrOrStderr())
			if err != nil {
				return err
			}
			exp, err := o.check(c.Flags().Changed("batch"), own)
			if err != nil {
				return misuse{err}
			}
			if o.lint {
				return report(exp, c.OutOrStdout())
			}
			if info, err := os.Stat(o.out); err == nil && !info.IsDir() {
				return misusef("--out %s: it is no folder; name another", o.out)
			}
			return o.train(c.Context(), exp, own, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.flags(c.Flags())
	return c
}

// flags has the flags of a command set o.
func (o *trainOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.Name, "recipe", "mlp", "what to train, see above")
	f.StringVar(&o.Data, "data", "", "data set, see above (default: the recipe's)")
	f.IntVar(&o.steps, "steps", 5000, "total steps, those before a --resume included")
	f.IntVar(&o.Batch, "batch", 0, "real images per critic update (default: the recipe's)")
	f.Int64Var(&o.Seed, "seed", 0, "of weights, latents and batches")
	f.StringVar(&o.out, "out", "", "run folder")
	f.StringVar(&o.backend, "backend", "", "xla:cpu, xla:cuda, xla:/path/to/plugin.so or go (default: $GOMLX_BACKEND, then xla:cpu)")
	f.DurationVar(&o.maxTime, "max-time", 0, "stop after this time, such as 4m")
	f.BoolVar(&o.resume, "resume", false, "go on from the last checkpoint in the run folder")
	f.BoolVar(&o.fromWeights, "from-weights", false, "with --resume, where no checkpoint is whole: go on from the weights, with fresh optimizers")
	f.BoolVar(&o.json, "json", false, "progress as JSON lines on standard output")
	f.IntVar(&o.measure, "measure-every", 0, "measure the samples' kernel distance from the data at every so many steps, in at most a fortieth of the time; 0: never")
	f.BoolVar(&o.lint, "check", false, "print what the recipe linter finds and train nothing; exit code 1 if it finds something")
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
	if exp, err := before.Experiment(); err == nil && before.Data == "" {
		before.Data = exp.Data.Name
	}
	here := map[string][2]string{}
	if given("recipe") {
		here["recipe"] = [2]string{before.Name, o.Name}
	}
	if given("data") {
		here["data"] = [2]string{before.Data, o.Data}
	}
	if given("batch") {
		here["batch"] = [2]string{fmt.Sprint(before.Batch), fmt.Sprint(o.Batch)}
	}
	if given("seed") {
		here["seed"] = [2]string{fmt.Sprint(before.Seed), fmt.Sprint(o.Seed)}
	}
	for _, flag := range []string{"recipe", "data", "batch", "seed"} {
		if pair, is := here[flag]; is && pair[0] != pair[1] {
			if pair[0] == "" {
				pair[0] = "a notebook's own experiment"
			}
			return false, fmt.Errorf("%s: the run's %s is %s there and %s here; leave out --%s to go on, or name another --out",
				o.out, flag, pair[0], pair[1], flag)
		}
	}
	o.Recipe = before
	return before.Name == "", nil
}

// check reports wrong use and returns the experiment.
func (o *trainOptions) check(batchGiven, own bool) (gan.Experiment, error) {
	switch {
	case o.steps <= 0:
		return gan.Experiment{}, fmt.Errorf("--steps %d: want at least 1", o.steps)
	case batchGiven && o.Batch <= 0:
		return gan.Experiment{}, fmt.Errorf("--batch %d: want at least 1", o.Batch)
	case o.out == "" && !o.lint:
		return gan.Experiment{}, errors.New("--out is missing: name the run folder")
	case o.measure < 0:
		return gan.Experiment{}, fmt.Errorf("--measure-every %d: want 0 or more steps", o.measure)
	case o.maxTime < 0:
		return gan.Experiment{}, fmt.Errorf("--max-time %s: want a positive time", o.maxTime)
	}
	if o.fromWeights && !o.resume {
		return gan.Experiment{}, errors.New("--from-weights goes with --resume")
	}
	if _, err := device.Resolve(o.backend); own || err != nil {
		return gan.Experiment{}, err
	}
	exp, err := recipe.Named(o.Name)
	if err != nil {
		return exp, err
	}
	if o.Batch == 0 {
		o.Batch = exp.BatchSize
	}
	if exp.View.Pack > 1 && o.Batch%exp.View.Pack != 0 {
		return exp, fmt.Errorf("--batch %d: recipe %s judges %d images at once, so want a multiple of %d", o.Batch, o.Name, exp.View.Pack, exp.View.Pack)
	}
	if exp, err = o.Experiment(); err == nil {
		o.Data = exp.Data.Name
	}
	return exp, err
}

// report prints the linter's findings. Any is an error.
func report(exp gan.Experiment, out io.Writer) error {
	findings := exp.Check()
	for _, f := range findings {
		fmt.Fprintln(out, f)
	}
	if len(findings) > 0 {
		return fmt.Errorf("the linter found %d mistake(s) in recipe %s; see above", len(findings), exp.Name)
	}
	fmt.Fprintf(out, "the linter found nothing in recipe %s on %s\n", exp.Name, exp.Data.Name)
	return nil
}

// train trains the run, which this process keeps unless another does, or it is of an experiment that only its own program
// can make.
func (o *trainOptions) train(ctx context.Context, exp gan.Experiment, own bool, out, log io.Writer) (err error) {
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
	begin := sync.OnceFunc(func() { fmt.Fprintf(log, "%s; compiling %s\n", choice.Reason, o.Name) })
	if o.resume { // it was checked when it began
		begin()
	}
	kept, err := lab.Keep(ctx, dir, exp, lab.RunOptions{Backend: choice.Config, Changed: changed, MeasureEvery: o.measure, Check: func() error {
		findings := exp.Check()
		if err := possible(exp, findings); err != nil {
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

// records writes the progress, a line each half second, to progress.jsonl and, where out is set, there.
type records struct {
	path     string
	out      io.Writer
	last     int // step, which is always reported
	file     *os.File
	begin    time.Time
	reported time.Time
	first    lab.Metric
	latest   lab.Metric
	names    []string             // of the numbers that a line has
	spent    *method.PrivacySpent // of a private run
	distance []train.Number       // the last that was measured; empty: none was
	pending  []byte               // what the file could not take yet
}

// add takes a step.
func (r *records) add(m lab.Metric, of lab.Status) error {
	now := time.Now()
	if m.Reports(metric.KernelName) {
		r.distance = []train.Number{{Name: metric.KernelName, Value: m.Value(metric.KernelName)}}
	} else {
		m.Numbers = slices.Concat(m.Numbers, r.distance)
	}
	if r.first.Calls == 0 {
		r.reported, r.first = now, m
	}
	if n := m.Calls - r.first.Calls; n > 0 && m.Seconds > r.first.Seconds {
		m.StepsPerSecond = float64(n) / (m.Seconds - r.first.Seconds)
	}
	m.Seconds = now.Sub(r.begin).Seconds()
	r.latest, r.names, r.spent = m, of.Numbers, of.Privacy
	if m.Step != r.last && now.Sub(r.reported) < reportEvery {
		return nil
	}
	r.reported = now
	return r.write(m)
}

func (r *records) write(m lab.Metric) error {
	r.latest = lab.Metric{}
	line, err := recordLine(m, r.names, r.spent)
	if err != nil {
		return err
	}
	if r.out != nil {
		if _, err := r.out.Write(line); err != nil {
			return fmt.Errorf("cannot report the progress: %w", err)
		}
	}
	if r.file == nil {
		if r.file, err = os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600); err != nil {
			return fmt.Errorf("cannot record the progress: %w", err)
		}
	}
	r.pending = append(r.pending, line...)
	n, err := r.file.Write(r.pending)
	r.pending = r.pending[n:]
	if err != nil && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) { // else it is tried again
		return fmt.Errorf("cannot record the progress: %w", err)
	}
	return nil
}

// close records the last step.
func (r *records) close() (err error) {
	if r.latest.Calls > 0 {
		err = r.write(r.latest)
	}
	if r.file == nil {
		return err
	}
	if err == nil && len(r.pending) > 0 {
		_, err = r.file.Write(r.pending)
	}
	return errors.Join(err, r.file.Close())
}
