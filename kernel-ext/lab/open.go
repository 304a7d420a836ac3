package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/process"
	"gantry.local/kernel-ext/lab/record"
)

// ErrChanged is the error of OpenWith for a run whose experiment is another one now.
var ErrChanged = errors.New("its experiment is another one now")

// Open opens the resident run of an experiment, or of any other game that package train trains: it attaches to the process that keeps it, or starts one, from the run's
// last checkpoint if there is one. Where it cannot, it says why in one line on standard error and ends the program with
// exit code 1, as a cell should; OpenWith returns the error.
//
// The run's process is this program started once more. It does all that the program does before this Open, once more, and
// then serves the run and never returns from Open. So what comes before should be cheap, and give the same experiment each
// time. Runs that are opened before in the same program are only looked at by that process: whatever would change them
// does nothing.
func Open(of method.Description) *Run {
	if game, err := of.Game(); err == nil {
		if dir, err := record.DirOf(game.Name); err == nil && !resident.Kept(dir) {
			if _, is := residentOf(); !is {
				fmt.Printf("run %s starts in a process of its own; its step is compiled once\n", game.Name)
			}
		}
	}
	r, err := OpenWith(of, RunOptions{})
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
	fmt.Fprintln(os.Stderr, "lab: "+record.OneLine(err))
	os.Exit(1)
}

// OpenWith is Open with options, and returns errors.
func OpenWith(of method.Description, o RunOptions) (*Run, error) {
	if o.Name == "" {
		game, err := of.Game()
		if err != nil {
			return nil, err
		}
		o.Name = game.Name
	}
	dir, err := record.DirOf(o.Name)
	if err != nil {
		return nil, err
	}
	fork, isFork := o.Changed.fork()
	forkDir := ""
	if isFork {
		if forkDir, err = record.DirOf(fork); err != nil {
			return nil, err
		}
		if fork == o.Name {
			return nil, fmt.Errorf("ForkAs(%q): a fork needs a name of its own", fork)
		}
	}
	if s, is := residentOf(); is {
		if s.Dir == dir || isFork && s.Dir == forkDir || s.As != "" && s.As == o.Name {
			process.Serve(s, of, o.process())
		}
		return &Run{name: o.Name, dir: dir, of: of, o: o, observer: true}, nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	r, err := open(ctx, dir, of, o)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("interrupted while run %s gets ready, which goes on by itself; run the cell again to attach", o.Name)
	}
	return r, err
}

// attempts bounds how often opening begins again because another client started or stopped the run meanwhile.
const attempts = 5

// open attaches to the run in dir or starts it.
func open(ctx context.Context, dir string, of method.Description, o RunOptions) (*Run, error) {
	r := &Run{name: filepath.Base(dir), dir: dir, of: of, o: o}
	begin := process.Start{Dir: dir, Weights: o.Changed == FromWeights}
	if err := record.Trusted(dir); err != nil {
		return nil, err
	}
	for range attempts {
		var known record.Status
		var differences []lint.Difference
		err := r.call(ctx, "known", nil, &known)
		living := err == nil
		switch {
		case living:
			if differences, err = changes(of, known.Signature, append([]lint.DataShape{known.Data}, known.Beside...)); err != nil {
				return nil, err
			}
		case gone(err): // it has none, or one that is dying
			i, err := record.ReadInfo(dir)
			if err != nil && !errors.Is(err, record.ErrNoRun) && !errors.Is(err, record.ErrDamagedInfo) {
				return nil, err
			}
			if i != nil {
				was, err := i.Signature()
				if err != nil {
					return nil, err
				}
				if differences, err = changes(of, was, append([]lint.DataShape{lint.DataShape(i.Data)}, i.Beside...)); err != nil {
					return nil, err
				}
			}
			if o.Changed == StartAnew && len(differences) == 0 && record.Holds(dir) && !record.HasWholeCheckpoint(dir) { // it cannot go on
				if err := r.beginAnew(); err != nil {
					return nil, err
				}
			}
		default:
			return nil, err
		}
		if len(differences) > 0 {
			if fork, is := o.Changed.fork(); is {
				return forked(ctx, r, fork, of, o)
			}
			if o.Changed == Refuse || o.Changed == FromWeights {
				return nil, fmt.Errorf("run %s: %w: %s; %s", r.name, ErrChanged, record.ListDifferences(differences), choices(r.name, differences))
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
			if err := r.startProcess(ctx, begin, resident.StartOptions{Args: o.Args}); err != nil {
				return nil, err
			}
		}
		if err := r.ready(ctx); !errors.Is(err, resident.ErrNobody) {
			return r, err
		}
	}
	return nil, fmt.Errorf("run %s ended again and again while it was opened; see %s", r.name, filepath.Join(dir, resident.LogFile))
}

// beginAnew moves the run's folder aside.
func (r *Run) beginAnew() error {
	aside, err := record.PutAside(r.dir)
	if err != nil {
		return err
	}
	r.notice = fmt.Sprintf("run %s begins anew; what it was lies in %s", r.name, aside)
	return nil
}

// changes compares what is to be trained with what a run keeps. A data set that is known by its name is not read for it.
func changes(of method.Description, before lint.Signature, shapes []lint.DataShape) ([]lint.Difference, error) {
	game, err := of.Game()
	if err != nil {
		return nil, err
	}
	var on []lint.DataShape
	for i, set := range game.Data {
		if _, unknown := data.Named(set.Name); unknown == nil && i < len(shapes) && set.Name == shapes[i].Name {
			known := shapes[i]
			known.Content = ""
			on = append(on, known)
			continue
		}
		read, err := lint.DescribeData(set)
		if err != nil {
			return nil, err
		}
		on = append(on, read)
	}
	now, err := lint.SignatureOf(of, on)
	if err != nil {
		return nil, err
	}
	return now.Differences(before), nil
}

// choices says what can be done about a difference, ready to be typed.
func choices(name string, differences []lint.Difference) string {
	text := fmt.Sprintf("write lab.OpenWith(exp, lab.RunOptions{Changed: lab.CarryOver}) to go on with all weights that fit, "+
		"lab.ForkAs(%q) there to do so beside it, or lab.StartAnew to begin at step 0 and move the old folder aside", name+"-2")
	for _, d := range differences {
		if d.Part == "loss" {
			return text + fmt.Sprintf("; the loss alone can be changed in the run that is there: run, err := lab.Attach(%q); run.SetLoss(%q)", name, d.After)
		}
		if strings.HasSuffix(d.Part, " optimizer") || strings.HasPrefix(d.Part, "penalty ") {
			return text + fmt.Sprintf("; rates and weights can be changed in the run that is there: run, err := lab.Attach(%q); run.Set(…), see run.Settings", name)
		}
	}
	return text
}

// Fork opens a second run that goes on from this one's present state, as ForkTo does: change makes its experiment from a copy of
// this one's, and nil leaves it as it is.
func (r *Run) Fork(name string, change func(*gan.Experiment)) (*Run, error) {
	if r.of == nil {
		return nil, fmt.Errorf("run %s was attached by name, and a fork needs its experiment: open it by lab.Open", r.name)
	}
	if change == nil {
		return r.ForkTo(name, r.of)
	}
	exp, is := r.of.(gan.Experiment)
	if !is {
		return nil, fmt.Errorf("run %s trains no gan.Experiment to be changed: use ForkTo", r.name)
	}
	change(&exp)
	return r.ForkTo(name, exp)
}

// ForkTo opens a second run that goes on from this one's present state with another description. Both see the same latents and
// batches from there on, so what differs comes from the change alone, and where nothing is changed they stay equal bit for bit.
// The fork has a process and a folder of its own. Where there is a run of that name already, it is opened as by OpenWith.
func (r *Run) ForkTo(name string, of method.Description) (*Run, error) {
	dir, err := record.DirOf(name)
	if err != nil {
		return nil, err
	}
	if dir == r.dir {
		return nil, fmt.Errorf("Fork(%q): a fork needs a name of its own", name)
	}
	o := r.o
	o.Name = name
	if s, is := residentOf(); is {
		if s.Dir == dir {
			process.Serve(s, of, o.process())
		}
		return &Run{name: name, dir: dir, of: of, o: o, observer: true}, nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	return forked(ctx, r, name, of, o)
}

// forked opens the fork of a run, which is made from the run's present state where it does not exist.
func forked(ctx context.Context, from *Run, name string, of method.Description, o RunOptions) (*Run, error) {
	dir, err := record.DirOf(name)
	if err != nil {
		return nil, err
	}
	o.Name, o.Changed = name, Refuse
	if _, err := record.ReadInfo(dir); err == nil {
		return open(ctx, dir, of, o)
	} else if !errors.Is(err, record.ErrNoRun) {
		return nil, err
	}
	made, err := record.MakeDir(dir)
	if err != nil {
		return nil, err
	}
	err = from.call(ctx, "branch", dir, nil)
	if errors.Is(err, resident.ErrNobody) {
		err = process.Branch(from.dir, dir)
	}
	if err != nil {
		if made {
			os.RemoveAll(dir)
		}
		return nil, fmt.Errorf("forking run %s: %w", from.name, err)
	}
	r := &Run{name: name, dir: dir, of: of, o: o}
	if err := r.startProcess(ctx, process.Start{Dir: dir, Adopt: true, From: from.name}, resident.StartOptions{Args: o.Args}); err != nil {
		return nil, err
	}
	return r, r.ready(ctx)
}
