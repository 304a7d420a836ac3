package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/kernel-ext/internal/detach"
	"gantry.local/kernel-ext/internal/private"
)

// envResident tells a process that it is to become a run's, and how it begins.
const envResident = "GANTRY_RESIDENT"

// RunOptions of OpenWith. All but Name and Changed matter when the run's process starts; one that lives keeps its own.
type RunOptions struct {
	Name       string        // of the run and its folder; default: the experiment's
	Changed    Changed       // what to do where the run's experiment is another one; default Refuse
	Backend    string        // as for device.Open; default "", $GOMLX_BACKEND or XLA on the CPU
	Checkpoint time.Duration // between two timed checkpoints; default 30 s
	Idle       time.Duration // without clients and training after which the process saves and ends; default 2 h, negative: never
	Samples    int           // in the figure, see NewView; default 0, as many as suit the data
	Seed       int64         // of the figure's samples
	Args       []string      // of the program as the run's process; default nil, this process's
	Check      func() error  // of Keep: runs while the step is compiled; on its error the run does not begin

	kept *Kept // this process keeps the run, see Keep
}

func (o RunOptions) withDefaults() RunOptions {
	if o.Checkpoint <= 0 {
		o.Checkpoint = 30 * time.Second
	}
	if o.Idle == 0 {
		o.Idle = 2 * time.Hour
	}
	if o.Check == nil || o.kept == nil {
		o.Check = func() error { return nil }
	}
	return o
}

// Changed says what to do when a run is opened whose experiment is another one now.
type Changed string

// What can be done about a changed experiment. ForkAs is a third way.
const (
	Refuse    Changed = ""           // fail, naming the difference and the choices
	CarryOver Changed = "carry over" // go on as the new experiment, with all weights that fit
	StartAnew Changed = "start anew" // begin at step 0; the old folder is moved aside

	// FromWeights is for a run none of whose checkpoints is whole: begin at step 0 with the weights that lie beside them, and
	// with optimizers that know nothing. The damaged checkpoints are moved aside.
	FromWeights Changed = "from weights"
)

const forkAs = "fork as "

// ForkAs goes on as the new experiment in a run of another name, with all weights that fit; the old run stays as it is.
func ForkAs(name string) Changed { return Changed(forkAs + name) }

func (c Changed) fork() (name string, is bool) { return strings.CutPrefix(string(c), forkAs) }

// Errors that a program may want to tell apart.
var (
	// ErrPaused is the error of Run.Train and its like when the run is paused before the last step, by an interrupt of the
	// cell or by another client.
	ErrPaused = errors.New("paused")

	// ErrChanged is the error of OpenWith for a run whose experiment is another one now.
	ErrChanged = errors.New("its experiment is another one now")

	errVersion = errors.New("the run belongs to another version of Gantry")
	errNoLife  = errors.New("the run has no process")
)

// Open opens the resident run of an experiment: it attaches to the process that keeps it, or starts one, from the run's
// last checkpoint if there is one. Where it cannot, it says why in one line on standard error and ends the program with
// exit code 1, as a cell should; OpenWith returns the error.
//
// The run's process is this program started once more. It does all that the program does before this Open, once more, and
// then serves the run and never returns from Open. So what comes before should be cheap, and give the same experiment each
// time. Runs that are opened before in the same program are only looked at by that process: whatever would change them
// does nothing.
func Open(exp gan.Experiment) *Run {
	if dir, err := dirOf(exp.Name); err == nil && !lives(dir) {
		if _, is := residentOf(); !is {
			fmt.Printf("run %s starts in a process of its own; its step is compiled once\n", exp.Name)
		}
	}
	r, err := OpenWith(exp, RunOptions{})
	if err != nil {
		giveUp(err)
	}
	if notice := r.Notice(); notice != "" {
		fmt.Fprintln(os.Stderr, notice)
	}
	return r
}

// giveUp ends the program with one line.
func giveUp(err error) {
	if gonbui.IsNotebook {
		done := make(chan struct{})
		go func() { // a kernel that is gone would make it wait for ever
			gonbui.Sync()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(time.Second):
		}
	}
	fmt.Fprintln(os.Stderr, "lab: "+oneLine(err))
	os.Exit(1)
}

// Resident returns the name of the run whose process this is to become, and whether there is one. A program in which Open
// comes late, such as a test's TestMain, can ask early.
func Resident() (name string, is bool) {
	s, is := residentOf()
	return filepath.Base(s.Dir), is
}

func residentOf() (s start, is bool) {
	text := os.Getenv(envResident)
	if text == "" || json.Unmarshal([]byte(text), &s) != nil {
		return start{}, false
	}
	return s, true
}

// OpenWith is Open with options, and returns errors.
func OpenWith(exp gan.Experiment, o RunOptions) (*Run, error) {
	if o.Name == "" {
		o.Name = exp.Name
	}
	dir, err := dirOf(o.Name)
	if err != nil {
		return nil, err
	}
	fork, isFork := o.Changed.fork()
	forkDir := ""
	if isFork {
		if forkDir, err = dirOf(fork); err != nil {
			return nil, err
		}
		if fork == o.Name {
			return nil, fmt.Errorf("ForkAs(%q): a fork needs a name of its own", fork)
		}
	}
	if s, is := residentOf(); is {
		if s.Dir == dir || isFork && s.Dir == forkDir || s.As != "" && s.As == o.Name {
			serve(s, exp, o)
		}
		return &Run{name: o.Name, dir: dir, exp: &exp, o: o, observer: true}, nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	r, err := open(ctx, dir, exp, o)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("interrupted while run %s gets ready, which goes on by itself; run the cell again to attach", o.Name)
	}
	return r, err
}

// Attach returns a run by its name, or by its folder where that is not in RunsDir. One that has no process is started from
// the program that it last ran; one that has none, because `gantry train` trained it, is started from this program, with its
// recipe.
func Attach(name string) (*Run, error) {
	dir, err := dirOf(name)
	if err != nil {
		return nil, err
	}
	r := &Run{name: filepath.Base(dir), dir: dir}
	if s, is := residentOf(); is {
		if i, err := readInfo(dir); s.Dir == dir && err == nil && i.Recipe != "" {
			exp, err := i.recipe().Experiment()
			if err != nil {
				giveUp(err)
			}
			serve(s, exp, RunOptions{Name: r.name})
		}
		r.observer = true
		return r, nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	for range attempts {
		if err = r.ready(ctx); !errors.Is(err, errNoLife) {
			return r, err
		}
		o, as, err := programOf(dir)
		if err != nil {
			return nil, err
		}
		if err := r.startProcess(ctx, start{Dir: dir, As: as}, o); err != nil {
			return nil, err
		}
	}
	return r, err
}

// programOf is how the process of a run is started without its experiment, and the name by which its program opens it.
func programOf(dir string) (o detach.Options, as string, err error) {
	i, err := readInfo(dir)
	if err != nil && !errors.Is(err, ErrDamagedInfo) {
		return o, "", err
	}
	program := filepath.Join(dir, detach.ProgramFile)
	_, gone := os.Lstat(program)
	name := filepath.Base(dir)
	switch {
	case gone != nil && i == nil:
		return o, "", fmt.Errorf("%w, and its program is gone: open it by lab.Open and its experiment, or by "+
			"`gantry train --resume --recipe NAME --out %s`", err, dir)
	case gone == nil && i == nil: // how it was called is not known any more
		return detach.Options{Program: program, Args: []string{}}, "", nil
	case gone == nil:
		if as = i.Opened; as == "" {
			as = i.Status.Name
		}
		return detach.Options{Program: program, Args: append([]string{}, i.Args...), WorkDir: i.WorkDir}, as, nil
	case i.Recipe != "":
		return o, "", nil
	}
	return o, "", fmt.Errorf("run %s cannot be started: its program is gone; open it by lab.Open and its experiment", name)
}

// attempts bounds how often opening begins again because another client started or stopped the run meanwhile.
const attempts = 5

// open attaches to the run in dir or starts it.
func open(ctx context.Context, dir string, exp gan.Experiment, o RunOptions) (*Run, error) {
	r := &Run{name: filepath.Base(dir), dir: dir, exp: &exp, o: o}
	begin := start{Dir: dir, Weights: o.Changed == FromWeights}
	if err := trusted(dir); err != nil {
		return nil, err
	}
	for range attempts {
		var known Status
		var differences []gan.Difference
		err := r.call(ctx, "known", nil, &known)
		living := err == nil
		switch {
		case living:
			if differences, err = changes(exp, known.Signature, known.Data); err != nil {
				return nil, err
			}
		case gone(err): // it has none, or one that is dying
			i, err := readInfo(dir)
			if err != nil && !errors.Is(err, ErrNoRun) && !errors.Is(err, ErrDamagedInfo) {
				return nil, err
			}
			if i != nil {
				was, err := i.definition()
				if err != nil {
					return nil, err
				}
				if differences, err = changes(exp, was, gan.DataShape(i.Data)); err != nil {
					return nil, err
				}
			}
			if o.Changed == StartAnew && len(differences) == 0 && holdsRun(dir) && !wholeCheckpoint(dir) { // it cannot go on
				if err := r.beginAnew(); err != nil {
					return nil, err
				}
			}
		default:
			return nil, err
		}
		if len(differences) > 0 {
			if fork, is := o.Changed.fork(); is {
				return forked(ctx, r, fork, exp, o)
			}
			if o.Changed == Refuse || o.Changed == FromWeights {
				return nil, fmt.Errorf("run %s: %w: %s; %s", r.name, ErrChanged, listed(differences), choices(r.name, differences))
			}
			if living {
				if err := r.Stop(); err != nil {
					return nil, err
				}
				living = false
			}
			if o.Changed == StartAnew {
				if err := r.beginAnew(); err != nil {
					return nil, err
				}
			}
			begin.Adopt = o.Changed == CarryOver
		}
		if !living {
			if err := r.startProcess(ctx, begin, detach.Options{Args: o.Args}); err != nil {
				return nil, err
			}
		}
		if err := r.ready(ctx); !errors.Is(err, errNoLife) {
			return r, err
		}
	}
	return nil, fmt.Errorf("run %s ended again and again while it was opened; see %s", r.name, filepath.Join(dir, detach.LogFile))
}

// beginAnew moves the run's folder aside.
func (r *Run) beginAnew() error {
	aside, err := putAside(r.dir)
	if err != nil {
		return err
	}
	r.notice = fmt.Sprintf("run %s begins anew; what it was lies in %s", r.name, aside)
	return nil
}

// changes compares an experiment with what a run keeps. A data set that is known by its name is not read for it.
func changes(exp gan.Experiment, before gan.Signature, shape gan.DataShape) ([]gan.Difference, error) {
	var now gan.Signature
	var err error
	if _, unknown := data.Named(exp.Data.Name); unknown == nil && exp.Data.Name == shape.Name {
		shape.Content = ""
		now, err = exp.SignatureOn(shape)
	} else {
		now, err = exp.Signature()
	}
	if err != nil {
		return nil, err
	}
	return now.Differences(before), nil
}

func listed(differences []gan.Difference) string {
	var texts []string
	for _, d := range differences {
		texts = append(texts, d.String())
	}
	return strings.Join(texts, "; ")
}

// choices says what can be done about a difference, ready to be typed.
func choices(name string, differences []gan.Difference) string {
	text := fmt.Sprintf("write lab.OpenWith(exp, lab.RunOptions{Changed: lab.CarryOver}) to go on with all weights that fit, "+
		"lab.ForkAs(%q) there to do so beside it, or lab.StartAnew to begin at step 0 and move the old folder aside", name+"-2")
	for _, d := range differences {
		if d.Part == "loss" {
			return text + fmt.Sprintf("; the loss alone can be changed in the run that is there: run, err := lab.Attach(%q); run.SetLoss(%q)", name, d.After)
		}
		if d.Part == "generator optimizer" || d.Part == "critic optimizer" || strings.HasPrefix(d.Part, "penalty ") {
			return text + fmt.Sprintf("; rates and weights can be changed in the run that is there: run, err := lab.Attach(%q); run.Set(…), see run.Settings", name)
		}
	}
	return text
}

// forked opens the fork of a run, which is made from the run's present state where it does not exist.
func forked(ctx context.Context, from *Run, name string, exp gan.Experiment, o RunOptions) (*Run, error) {
	dir, err := dirOf(name)
	if err != nil {
		return nil, err
	}
	o.Name, o.Changed = name, Refuse
	if _, err := readInfo(dir); err == nil {
		return open(ctx, dir, exp, o)
	} else if !errors.Is(err, ErrNoRun) {
		return nil, err
	}
	made, err := makeDir(dir)
	if err != nil {
		return nil, err
	}
	err = from.call(ctx, "branch", dir, nil)
	if errors.Is(err, errNoLife) {
		err = branch(from.dir, dir)
	}
	if err != nil {
		if made {
			os.RemoveAll(dir)
		}
		return nil, fmt.Errorf("forking run %s: %w", from.name, err)
	}
	r := &Run{name: name, dir: dir, exp: &exp, o: o}
	if err := r.startProcess(ctx, start{Dir: dir, Adopt: true, From: from.name}, detach.Options{Args: o.Args}); err != nil {
		return nil, err
	}
	return r, r.ready(ctx)
}

// startProcess starts the run's process and waits until it answers, or is found to be another client's.
func (r *Run) startProcess(ctx context.Context, s start, o detach.Options) error {
	made, err := makeDir(r.dir)
	if err != nil {
		return err
	}
	r.made = r.made || made
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	o.Dir, o.Env = r.dir, []string{envResident + "=" + string(text)}
	if lives(r.dir) { // it has just begun, and does not listen yet; or it hangs
		return r.untilItAnswers(ctx, nil)
	}
	p, err := detach.Start(o)
	if err != nil {
		r.cleanUp()
		return err
	}
	return r.untilItAnswers(ctx, p)
}

// cleanUp removes the folder that was made for a run which could not begin.
func (r *Run) cleanUp() {
	if r.made {
		removeUnused(r.dir)
	}
}

const programTime = time.Minute // for the program to come to its Open, once more

func (r *Run) untilItAnswers(ctx context.Context, p *detach.Process) error {
	var exited <-chan struct{}
	if p != nil {
		exited = p.Exited()
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	var stopped time.Time
	for begin := time.Now(); ; {
		conn, err := r.connect(ctx)
		if err == nil {
			return conn.Close()
		}
		if !noSocket(err) && ctx.Err() == nil {
			if errors.Is(err, private.ErrForeign) {
				return fmt.Errorf("run %s: %w", r.name, err)
			}
			return r.silent(0)
		}
		select {
		case <-exited:
			if code := exitCode(p.Err()); code == exitTaken { // by another client's process, which will answer
				exited, p, begin = nil, nil, time.Now()
				continue
			}
			return r.ended(p.Err())
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if p == nil {
			if !lives(r.dir) {
				return nil // it ended; begin again
			}
			if time.Since(begin) > silence {
				return r.silent(0)
			}
			continue
		}
		if !isStopped(p.Pid) {
			stopped = time.Time{}
		} else if stopped.IsZero() {
			stopped = time.Now()
		}
		switch {
		case !stopped.IsZero() && time.Since(stopped) > stoppedTime:
			return r.silent(p.Pid)
		case time.Since(begin) > programTime:
			return fmt.Errorf("the program of run %s, process %d, has not come to its Open within %s; it goes on: see %s, or end it by `kill %d`",
				r.name, p.Pid, programTime, filepath.Join(r.dir, detach.LogFile), p.Pid)
		}
	}
}

func exitCode(err error) int {
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// ended is the error of a process that ended before it was of use.
func (r *Run) ended(err error) error {
	said, log := detach.LastWords(r.dir, 1), ""
	if holdsRun(r.dir) {
		log = "; its log is " + filepath.Join(r.dir, detach.LogFile)
	}
	r.cleanUp()
	if text, found := strings.CutPrefix(said, "lab: "); found {
		return errors.New(text)
	}
	if said != "" {
		said = ": " + said
	}
	if err == nil {
		return fmt.Errorf("the program ended before it came to Open again, so run %s has no process%s%s", r.name, said, log)
	}
	return fmt.Errorf("the process of run %s ended (%w)%s%s", r.name, err, said, log)
}

// ready waits until the run can train.
func (r *Run) ready(ctx context.Context) error {
	var s Status
	err := r.call(ctx, "ready", nil, &s)
	if errors.Is(err, io.EOF) || errors.Is(err, errEnding) {
		waitForEnd(r.dir, endPatience)
		return r.ended(errors.New("while it got ready"))
	}
	if err == nil && r.notice == "" {
		r.notice = s.Notice
	}
	return err
}
