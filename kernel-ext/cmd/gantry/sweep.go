package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gantry.local/kernel-ext/setup"
	"gantry.local/kernel-ext/sweep"
)

type sweepOptions struct {
	out    string
	engine string
	python string
	export string
	image  string
	claim  string
	slots  int
	trial  string
	until  int
	table  bool
	json   bool
	sqlite string
	mlflow string
}

func sweepCommand() *cobra.Command {
	var o sweepOptions
	c := &cobra.Command{
		Use:   "sweep SPEC | DIR",
		Short: "Train many runs: a grid of settings, random ones, seeds",
		Long: "Trains the trials of a spec, each by `gantry train` into a run folder of its own, so many at once as the spec has\n" +
			"slots. What is done is not done again, and what has begun goes on from its checkpoint: repeat the command after a\n" +
			"Ctrl-C, a failure, or with more values, seeds or steps in the spec. In place of the spec stands the folder of a sweep to\n" +
			"go on with it. The folder gets results.csv and results.html, which has its pictures; --sqlite and --mlflow keep the\n" +
			"results elsewhere too, with each step of each trial.\n\n" +
			"A spec is JSON:\n\n" +
			"  {\"train\":  {\"recipe\": \"toy\"},\n" +
			"   \"grid\":   {\"batch\": [32, 64, 128]},\n" +
			"   \"random\": {\"draws\": 4, \"from\": {\"data\": [\"ring\", \"grid\"]}},\n" +
			"   \"seeds\":  [0, 1], \"steps\": 2000, \"metric\": \"critic_loss\", \"best\": \"greatest\", \"slots\": 2}\n\n" +
			"train, grid and random take the settings " + strings.Join(settingNames(), ", ") + ", with the values that the flags of `gantry train` take;\n" +
			"random also ranges of numbers: {\"low\": 16, \"high\": 256, \"log\": true}. The metric is one that `gantry train --json`\n" +
			"prints, at the last step.\n\n" +
			"Exit codes: 0 all done, 1 the sweep failed, 2 wrong use or spec, 3 a trial diverged or was refused and would again,\n" +
			"4 a trial died, failed or found no room and may go well another time, 5 the engine is not there or failed,\n" +
			"6 no trial has the metric, 130 interrupted.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return misusef("name one spec, or the folder of a sweep; see `gantry sweep --help`")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			code, err := o.run(c.Context(), args[0], c.OutOrStdout(), c.ErrOrStderr())
			var wrong sweep.Wrong
			switch {
			case errors.As(err, &wrong):
				return misuse{err}
			case errors.Is(err, sweep.ErrEngine):
				fmt.Fprintln(c.ErrOrStderr(), "gantry: "+oneLine(err))
				return ended(sweep.CodeEngine)
			case err != nil:
				return err
			case code != sweep.CodeDone:
				return ended(code)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.out, "out", "", "folder of the sweep (default: that of the spec's name, beside it)")
	f.StringVar(&o.engine, "engine", "local", "what the trials run on: "+strings.Join(engines(), ", "))
	f.StringVar(&o.python, "python", "", "with --engine ray or --mlflow: the Python that has it (default: that of 'make ray', 'make mlflow')")
	f.StringVar(&o.export, "export", "", "train nothing; write into the folder what another engine takes: "+strings.Join(exports(), ", "))
	f.StringVar(&o.image, "image", "gantry", "with --export kubernetes or katib: the container image")
	f.StringVar(&o.claim, "claim", "gantry", "with --export kubernetes or katib: the persistent volume claim that holds the sweep's folder")
	f.IntVar(&o.slots, "slots", 0, "trials at once (default: as the spec says)")
	f.StringVar(&o.trial, "trial", "", "train this one alone, 0, 1, …; index: that of this task of an array ($SLURM_ARRAY_TASK_ID, $JOB_COMPLETION_INDEX)")
	f.IntVar(&o.until, "until", 0, "with --trial: train to this step (default: the spec's steps)")
	f.BoolVar(&o.table, "table", false, "train nothing; make the table anew")
	f.StringVar(&o.sqlite, "sqlite", "", "write the results into this file of SQLite too")
	f.StringVar(&o.mlflow, "mlflow", "", "log the results to this MLflow too: sqlite:///FILE or http://HOST:PORT")
	f.BoolVar(&o.json, "json", false, "the table as JSON lines, in the spec's order")
	return c
}

// engines are what trials can run on.
func engines() []string { return []string{"local", "ray", "slurm"} }

// exports are the engines for which files are written.
func exports() []string { return []string{"slurm", "kubernetes", "katib"} }

// run carries the command out. The code is that of the trials.
func (o *sweepOptions) run(ctx context.Context, path string, out, log io.Writer) (code int, err error) {
	if err := o.check(); err != nil {
		return 0, err
	}
	s, err := o.open(path)
	if err != nil {
		return 0, err
	}
	if o.trial != "" {
		return o.one(ctx, s, out, log)
	}
	if o.export != "" {
		return 0, o.write(s, out)
	}
	switch {
	case o.table:
	case o.engine == "ray":
		err = s.Ray(ctx, o.python, log)
	case s.Spec.Halving != nil:
		return 0, misuse{sweep.ErrHalving}
	case o.engine == "slurm":
		err = s.Slurm(ctx, log)
	default:
		err = s.Local(ctx, log)
	}
	code = s.Code()
	if err == nil {
		err = o.keep(ctx, s)
	}
	if shown := o.show(s, out); err == nil {
		err = shown
	}
	switch {
	case err != nil || o.table:
		return sweep.CodeDone, err
	case ctx.Err() != nil:
		fmt.Fprintln(log, "gantry: interrupted; what was trained is saved, and the same command goes on")
		return sweep.CodeInterrupted, nil
	case code == sweep.CodeNoMetric:
		fmt.Fprintf(log, "gantry: no trial has the metric %s: name another that `gantry train --json` prints for these trials\n", s.Spec.Metric)
	case code != sweep.CodeDone:
		fmt.Fprintf(log, "gantry: %s\n", s.Summary())
	}
	return code, nil
}

// keep writes the results to where they are wanted; after a Ctrl-C, to files alone.
func (o *sweepOptions) keep(ctx context.Context, s *sweep.Sweep) error {
	err := s.WriteResults()
	if err == nil && o.sqlite != "" {
		err = s.SQLite(context.WithoutCancel(ctx), o.sqlite)
	}
	if err == nil && o.mlflow != "" && ctx.Err() == nil {
		err = s.MLflow(ctx, o.python, o.mlflow)
	}
	return err
}

func (o *sweepOptions) check() error {
	switch {
	case !slices.Contains(engines(), o.engine):
		return misusef("--engine %q: want %s", o.engine, strings.Join(engines(), ", "))
	case o.python != "" && (o.engine == "ray") == (o.mlflow != ""):
		return misusef("--python goes with one of --engine ray and --mlflow")
	case o.export != "" && !slices.Contains(exports(), o.export):
		return misusef("--export %q: want %s", o.export, strings.Join(exports(), ", "))
	case o.export != "" && (o.trial != "" || o.table):
		return misusef("--export trains nothing and makes no table: leave out --trial and --table")
	case (o.sqlite != "" || o.mlflow != "") && (o.export != "" || o.trial != ""):
		return misusef("--sqlite and --mlflow write the results of a whole sweep: leave out --export and --trial")
	case o.slots < 0:
		return misusef("--slots %d: want 1 or more", o.slots)
	case o.until < 0:
		return misusef("--until %d: want 1 or more", o.until)
	case o.until > 0 && o.trial == "":
		return misusef("--until goes with --trial")
	case o.trial != "" && o.table:
		return misusef("--trial trains and --table does not: leave one out")
	}
	return nil
}

// write writes what another engine takes, and says where it is.
func (o *sweepOptions) write(s *sweep.Sweep, out io.Writer) error {
	if s.Spec.Halving != nil {
		return misuse{sweep.ErrHalving}
	}
	var paths []string
	var err error
	switch cluster := (sweep.Cluster{Image: o.image, Claim: o.claim}); o.export {
	case "kubernetes":
		paths, err = s.ExportKubernetes(cluster)
	case "katib":
		paths = make([]string, 1)
		paths[0], err = s.ExportKatib(cluster)
	default:
		if len(s.Missing()) == 0 {
			fmt.Fprintln(out, "all trials are done; there is nothing to submit")
			return nil
		}
		paths = make([]string, 1)
		paths[0], err = s.ExportSlurm()
	}
	if err != nil {
		return err
	}
	for _, path := range paths {
		fmt.Fprintln(out, path)
	}
	return nil
}

// open is the sweep of a spec, or of a folder that holds one.
func (o *sweepOptions) open(path string) (*sweep.Sweep, error) {
	train, err := trainOfSweeps()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, misusef("there is no spec %s: name a file, or the folder of a sweep", path)
	}
	read, dir := sweep.Read, sweep.FolderOf(path)
	if info.IsDir() {
		read = sweep.ReadAgain
	}
	spec, err := read(path, train)
	if err != nil {
		return nil, err
	}
	if o.out != "" {
		dir = o.out
	}
	if o.slots > 0 {
		spec.Slots = o.slots
	}
	s, err := sweep.Open(dir, spec, train)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// one trains one trial, and returns the exit code for what became of it.
func (o *sweepOptions) one(ctx context.Context, s *sweep.Sweep, out, log io.Writer) (int, error) {
	n, err := s.Index(o.trial)
	if err != nil {
		return 0, err
	}
	until := s.Spec.Steps
	if o.until > 0 {
		until = min(o.until, until)
	}
	became, err := s.Run(ctx, s.Trials[n], until, out, log)
	if err != nil {
		return 0, fmt.Errorf("trial %d is %s, and that cannot be noted: %w", n, became.State, err)
	}
	if became.State == sweep.Refused {
		return sweep.CodeWrong, nil
	}
	return became.Code(), nil
}

// show prints the table.
func (o *sweepOptions) show(s *sweep.Sweep, out io.Writer) error {
	if !o.json {
		_, err := fmt.Fprintf(out, "%s\n%s\n%s\n", s.Table(), s.Summary(), filepath.Join(s.Dir, sweep.PageFile))
		return err
	}
	encoder := json.NewEncoder(out)
	for _, r := range s.Rows() {
		if err := encoder.Encode(newTrialRecord(r)); err != nil {
			return err
		}
	}
	return nil
}

// trialRecord is a line of `gantry sweep --json`.
type trialRecord struct {
	Trial    int                    `json:"trial"`
	Name     string                 `json:"name"`
	Settings map[string]sweep.Value `json:"settings"`
	State    sweep.State            `json:"state"`
	Step     int                    `json:"step"`
	Metric   *float64               `json:"metric"` // null: it has none
	Seconds  float64                `json:"seconds"`
	Problem  string                 `json:"problem"`
	Best     bool                   `json:"best"`
}

func newTrialRecord(r sweep.Row) trialRecord {
	t := trialRecord{r.Index, r.Name, r.Settings, r.State, r.Step, nil, r.Seconds, r.Problem, r.Best}
	if r.HasValue() {
		t.Metric = &r.Value
	}
	return t
}

// notSettings are the flags of `gantry train` that are no settings of a trial.
func notSettings() []string {
	return []string{"steps", "out", "resume", "from-weights", "json", "check"}
}

// settingNames are the settings that a trial may have.
func settingNames() []string {
	var names []string
	var o trainOptions
	flags := pflag.NewFlagSet("train", pflag.ContinueOnError)
	o.flags(flags)
	flags.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(notSettings(), f.Name) {
			names = append(names, f.Name)
		}
	})
	return names
}

// trainOfSweeps is what a sweep must know of `gantry train`.
func trainOfSweeps() (sweep.Train, error) {
	self, err := os.Executable()
	if err != nil {
		return sweep.Train{}, err
	}
	t := sweep.Train{Command: []string{self, "train"}, Kinds: map[string]string{}, Check: checkTrial}
	t.Root, _ = setup.FindRoot() // a program that was copied elsewhere has none, and trains all the same
	var o trainOptions
	flags := pflag.NewFlagSet("train", pflag.ContinueOnError)
	o.flags(flags)
	for _, name := range settingNames() {
		t.Kinds[name] = flags.Lookup(name).Value.Type()
	}
	t.Metrics = recordKeys()
	return t, nil
}

// checkTrial says what `gantry train` would say of a trial's flags.
func checkTrial(args []string) error {
	root, c := &cobra.Command{Use: "gantry"}, trainCommand()
	root.AddCommand(c)
	if err := c.ParseFlags(args); err != nil {
		return flagMisuse(c, err)
	}
	if err := checkFlags(c, nil); err != nil {
		return err
	}
	var o trainOptions
	flags := pflag.NewFlagSet("train", pflag.ContinueOnError)
	o.flags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.out = "checked"
	_, err := o.check(flags.Changed, false)
	return err
}
