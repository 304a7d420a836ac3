package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/recipe"
	"gantry.local/kernel-ext/internal/wholefile"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/show"
)

const (
	reportEvery     = 500 * time.Millisecond
	checkpointEvery = 30 * time.Second
)

type trainOptions struct {
	runInfo
	steps   int
	out     string
	backend string
	maxTime time.Duration
	resume  bool
	json    bool
	lint    bool
}

func trainCommand() *cobra.Command {
	var o trainOptions
	c := &cobra.Command{
		Use:   "train --recipe NAME --steps N --out DIR",
		Short: "Train a recipe into a run folder",
		Long: "Trains a recipe until its step N. The run folder gets checkpoints (every half minute, at the end and at Ctrl-C), the\n" +
			"weights of both networks as .safetensors, progress.jsonl, and pictures of samples and losses. What the recipe linter\n" +
			"finds is said first.\n\nRecipes:\n" + recipes() + "\nData sets: " + strings.Join(data.Names(), ", ") + ".\n" +
			"Options of a set follow its name: ring,n=500,seed=3 or folder:photos,size=32.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.resume {
				if err := o.adopt(c.Flags().Changed); err != nil {
					return err
				}
			}
			exp, err := o.check(c.Flags().Changed("batch"))
			if err != nil {
				return misuse{err}
			}
			if o.lint {
				return report(exp, c.OutOrStdout())
			}
			if err := possible(exp, o.out); err != nil {
				return misuse{err}
			}
			return o.train(c.Context(), exp, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&o.Recipe, "recipe", "mlp", "what to train, see above")
	f.StringVar(&o.Data, "data", "", "data set, see above (default: the recipe's)")
	f.IntVar(&o.steps, "steps", 5000, "total steps, those before a --resume included")
	f.IntVar(&o.Batch, "batch", 0, "real images per critic update (default: the recipe's)")
	f.Int64Var(&o.Seed, "seed", 0, "of weights, latents and batches")
	f.StringVar(&o.out, "out", "", "run folder")
	f.StringVar(&o.backend, "backend", "", "xla:cpu, xla:cuda, xla:/path/to/plugin.so or go (default: $GOMLX_BACKEND, then xla:cpu)")
	f.DurationVar(&o.maxTime, "max-time", 0, "stop after this time, such as 4m")
	f.BoolVar(&o.resume, "resume", false, "go on from the last checkpoint in the run folder")
	f.BoolVar(&o.json, "json", false, "progress as JSON lines on standard output")
	f.BoolVar(&o.lint, "check", false, "print what the recipe linter finds and train nothing; exit code 1 if it finds something")
	return c
}

func recipes() string {
	text := ""
	for _, r := range recipe.All() {
		text += fmt.Sprintf("  %-14s %s\n", r.Name, r.About)
	}
	return text
}

// adopt takes the settings that were not given from the run to be resumed.
func (o *trainOptions) adopt(given func(flag string) bool) error {
	before, err := readRun(o.out)
	if errors.Is(err, os.ErrNotExist) {
		return nil // claim will say that there is no run
	}
	if err != nil {
		return err
	}
	if !given("recipe") {
		o.Recipe = before.Recipe
	}
	if !given("data") && o.Recipe == before.Recipe {
		o.Data = before.Data
	}
	if !given("batch") {
		o.Batch = before.Batch
	}
	if !given("seed") {
		o.Seed = before.Seed
	}
	return nil
}

// check reports wrong use and returns the experiment.
func (o *trainOptions) check(batchGiven bool) (gan.Experiment, error) {
	switch {
	case o.steps <= 0:
		return gan.Experiment{}, fmt.Errorf("--steps %d: want at least 1", o.steps)
	case batchGiven && o.Batch <= 0:
		return gan.Experiment{}, fmt.Errorf("--batch %d: want at least 1", o.Batch)
	case o.out == "" && !o.lint:
		return gan.Experiment{}, errors.New("--out is missing: name the run folder")
	case o.maxTime < 0:
		return gan.Experiment{}, fmt.Errorf("--max-time %s: want a positive time", o.maxTime)
	}
	exp, err := recipe.Named(o.Recipe)
	if err != nil {
		return exp, err
	}
	if o.Batch == 0 {
		o.Batch = exp.BatchSize
	}
	if exp.Pack > 1 && o.Batch%exp.Pack != 0 {
		return exp, fmt.Errorf("--batch %d: recipe %s judges %d images at once, so want a multiple of %d", o.Batch, o.Recipe, exp.Pack, exp.Pack)
	}
	if _, err := device.Resolve(o.backend); err != nil {
		return exp, err
	}
	if exp, err = o.experiment(); err == nil {
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

func (o *trainOptions) train(ctx context.Context, exp gan.Experiment, out, log io.Writer) (err error) {
	unlock, err := o.claim()
	if err != nil {
		return err
	}
	defer unlock()
	choice, err := device.Resolve(o.backend)
	if err != nil {
		return err
	}
	for _, f := range exp.Check() {
		if f.Rule != "impossible" { // what cannot run says so itself
			fmt.Fprintln(log, "warning:", f)
		}
	}
	fmt.Fprintf(log, "%s; compiling %s\n", choice.Reason, o.Recipe)
	backend, err := device.Open(choice.Config)
	if err != nil {
		return err
	}
	defer backend.Finalize()
	trainer, err := gan.NewTrainer(backend, exp)
	if err != nil {
		return err
	}
	if o.resume {
		if err := o.restore(trainer, log); err != nil {
			return err
		}
	}
	o.Batch = trainer.Experiment().BatchSize
	if err := o.writeInfo(); err != nil {
		return err
	}
	if trainer.Step() >= o.steps {
		fmt.Fprintf(log, "%s is at step %d already; ask for more --steps to train on\n", o.out, trainer.Step())
		return nil
	}
	records, err := os.OpenFile(filepath.Join(o.out, progressFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	if o.json {
		records := io.MultiWriter(out, records)
		return o.loop(ctx, trainer, records, io.Discard, log)
	}
	return o.loop(ctx, trainer, records, log, log)
}

// claim makes the run folder or, with --resume, finds it, and locks it.
func (o *trainOptions) claim() (unlock func(), err error) {
	entries, err := os.ReadDir(o.out)
	started := false
	for _, e := range entries {
		started = started || e.Name() != lockFile
	}
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("--out: %w", err)
	case started && !o.resume:
		return nil, fmt.Errorf("%s is not empty; add --resume to go on with the run in it, or name another --out", o.out)
	case !started && o.resume:
		return nil, fmt.Errorf("%s holds no run to resume; leave out --resume to begin one", o.out)
	}
	if err := os.MkdirAll(o.out, 0o700); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	lock := flock.New(filepath.Join(o.out, lockFile))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	if !held {
		return nil, fmt.Errorf("another process is training in %s; wait for it, or name another --out", o.out)
	}
	return func() { lock.Unlock() }, nil
}

func (o *trainOptions) restore(trainer *gan.Trainer, log io.Writer) error {
	skipped, err := trainer.Restore(filepath.Join(o.out, checkpoints))
	for _, problem := range skipped {
		fmt.Fprintf(log, "%s; using the checkpoint before it\n", problem)
	}
	if errors.Is(err, gan.ErrNoCheckpoint) {
		fmt.Fprintln(log, "the run stopped before its first checkpoint; beginning at step 0")
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot resume %s: %w", o.out, err)
	}
	fmt.Fprintf(log, "resuming at step %d\n", trainer.Step())
	return nil
}

func (o *trainOptions) writeInfo() error {
	text, err := json.MarshalIndent(o.runInfo, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(o.out, runFile)
	if err := wholefile.Write(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

// loop trains, reports and saves until the last step, the time limit or ctx's end, which are all good ends.
func (o *trainOptions) loop(ctx context.Context, trainer *gan.Trainer, records, terminal, log io.Writer) error {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if o.maxTime > 0 {
		limited, cancel = context.WithTimeout(ctx, o.maxTime)
	}
	defer cancel()
	live := show.NewLive(show.LiveOptions{Title: o.Recipe, Total: o.steps, Dir: o.out, Out: terminal})
	begin := time.Now()
	reported, saved := begin, begin
	encoder := json.NewEncoder(records)
	view, err := lab.NewView(trainer, 0, 0)
	if err != nil {
		return err
	}
	err = lab.Follow(limited, trainer, o.steps-trainer.Step(), live, view.Dress, func(p gan.Progress) error {
		now := time.Now()
		if p.Step == o.steps || now.Sub(reported) >= reportEvery {
			reported = now
			if err := encoder.Encode(newRecord(p, now.Sub(begin), trainer)); err != nil {
				return fmt.Errorf("cannot record the progress: %w", err)
			}
		}
		if now.Sub(saved) < checkpointEvery {
			return nil
		}
		if err := trainer.Save(filepath.Join(o.out, checkpoints)); err != nil {
			return err
		}
		saved = time.Now()
		return nil
	})
	if err != nil {
		return err
	}
	if err := live.Done(); err != nil {
		return err
	}
	if err := o.finish(trainer, view); err != nil {
		return err
	}
	if spent, private := trainer.Spent(); private {
		fmt.Fprintf(log, "%v, for weights and samples; checkpoints and what this run reports are not private\n", spent)
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted; step %d is saved, go on with --resume", trainer.Step())
	case limited.Err() != nil:
		fmt.Fprintf(log, "time limit reached at step %d, which is saved; go on with --resume\n", trainer.Step())
	}
	return nil
}

// record is a line of progress.jsonl and of --json, see gan.Progress.
type record struct {
	Step              int     `json:"step"`
	Seconds           float64 `json:"seconds"` // since this command began to train
	StepsPerSecond    float64 `json:"steps_per_second"`
	CriticLoss        float64 `json:"critic_loss"`
	GeneratorLoss     float64 `json:"generator_loss"`
	Epoch             int     `json:"epoch"`
	Penalty           float64 `json:"penalty"`
	RealLogit         float64 `json:"real_logit"`
	FakeLogit         float64 `json:"fake_logit"`
	RealAccuracy      float64 `json:"real_accuracy"`
	FakeAccuracy      float64 `json:"fake_accuracy"`
	CriticGradient    float64 `json:"critic_gradient"`
	GeneratorGradient float64 `json:"generator_gradient"`

	// Of a private run alone. One that began with weights that are not private has a delta and no epsilon.
	Epsilon *float64 `json:"epsilon,omitempty"`
	Delta   float64  `json:"delta,omitempty"`
}

func newRecord(p gan.Progress, since time.Duration, trainer *gan.Trainer) record {
	r := record{
		Step: p.Step, Seconds: since.Seconds(), StepsPerSecond: p.StepsPerSecond,
		CriticLoss: p.CriticLoss, GeneratorLoss: p.GeneratorLoss,
		Epoch: p.Epoch, Penalty: p.Penalty, RealLogit: p.RealLogit, FakeLogit: p.FakeLogit,
		RealAccuracy: p.RealAccuracy, FakeAccuracy: p.FakeAccuracy,
		CriticGradient: p.CriticGradient, GeneratorGradient: p.GeneratorGradient,
	}
	if spent, private := trainer.Spent(); private {
		if r.Delta = spent.Delta; spent.Open == 0 {
			r.Epsilon = &spent.Epsilon
		}
	}
	return r
}

func (o *trainOptions) finish(trainer *gan.Trainer, view *lab.View) error {
	if err := trainer.Save(filepath.Join(o.out, checkpoints)); err != nil {
		return err
	}
	if err := trainer.SaveWeights(o.out); err != nil {
		return err
	}
	samples, err := view.Picture()
	if errors.Is(err, lab.ErrNoPicture) {
		return nil
	}
	if err != nil {
		return err
	}
	return show.SavePNG(filepath.Join(o.out, "samples.png"), samples)
}
