package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gantry.local/gan/method"
	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/process"
	"gantry.local/kernel-ext/lab/record"
)

// Run is a resident run, as seen from any process: its methods ask the process that keeps it. They are safe for use by
// several goroutines, and any number of Runs of one name may be in use at once, here and elsewhere.
type Run struct {
	name, dir string
	of        method.Description // what it trains; nil: attached by name
	o         RunOptions
	notice    string
	made      bool // its folder was made for it
	observer  bool // this is another run's process, which only repeats what its program did before
}

// Name returns the run's name.
func (r *Run) Name() string { return r.name }

// Dir returns the run's folder.
func (r *Run) Dir() string { return r.dir }

// handle is what a person types to name the run: its name, or its folder where that is not among the others.
func (r *Run) handle() string {
	if dir, err := record.DirOf(r.name); err == nil && dir == r.dir {
		return r.name
	}
	return r.dir
}

// Notice says what a person should know of how the run was opened: what was lost, carried over, or moved aside; or "".
func (r *Run) Notice() string { return r.notice }

func (r *Run) client() resident.Client {
	return resident.Client{Protocol: process.Protocol(), Dir: r.dir, Channel: os.Getenv(channel.Env)}
}

// call asks the run's process and waits for the answer: body is filled from it.
func (r *Run) call(ctx context.Context, op string, args, body any) error {
	_, err := r.ask(ctx, op, args, body)
	return err
}

// ask is call for an answer with bytes.
func (r *Run) ask(ctx context.Context, op string, args, body any) ([]byte, error) {
	bytes, err := r.client().Ask(ctx, op, args, body)
	return bytes, r.worded(err)
}

// change is ask for what changes the run, which an observer does not.
func (r *Run) change(ctx context.Context, op string, args, body any) error {
	if r.observer {
		return nil
	}
	return r.call(ctx, op, args, body)
}

// gone tells whether a request failed because the run has no process, or none any more.
func gone(err error) bool {
	return errors.Is(err, resident.ErrNobody) || errors.Is(err, io.EOF) || errors.Is(err, process.ErrEnding)
}

// worded says of an error which run it is about, and what can be done.
func (r *Run) worded(err error) error {
	var told *resident.ToldError
	var silent *resident.SilentError
	var version *resident.VersionError
	switch {
	case err == nil || errors.As(err, &told):
		return err
	case errors.Is(err, resident.ErrNobody):
		return fmt.Errorf("run %s: %w: open it again", r.name, err)
	case errors.As(err, &version):
		return fmt.Errorf("run %s: %w: end it by `gantry stop %s` and open it again by lab.Open, which keeps its state", r.name, err, r.handle())
	case !errors.As(err, &silent):
		return fmt.Errorf("run %s: %w", r.name, err)
	case silent.Stopped:
		return fmt.Errorf("run %s is stopped (SIGSTOP), process %d: continue it by `kill -CONT %d`, or save and end it by `gantry stop %s`: %w",
			r.name, silent.Pid, silent.Pid, r.handle(), err)
	case silent.Pid == 0:
		return fmt.Errorf("run %s hangs: %w; which process that is is not known: see what has %s open", r.name, err,
			filepath.Join(r.dir, resident.LockFile))
	}
	return fmt.Errorf("run %s hangs, process %d: `gantry stop %s` ends it, and opened again it goes on from its last checkpoint: %w",
		r.name, silent.Pid, r.handle(), err)
}
