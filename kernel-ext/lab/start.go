package lab

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

	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/process"
	"gantry.local/kernel-ext/lab/record"
)

// envResident tells a process that it is to become a run's, and how it begins.
const envResident = "GANTRY_RESIDENT"

// Resident returns the name of the run whose process this is to become, and whether there is one. A program in which Open
// comes late, such as a test's TestMain, can ask early.
func Resident() (name string, is bool) {
	s, is := residentOf()
	return filepath.Base(s.Dir), is
}

func residentOf() (s process.Start, is bool) {
	text := os.Getenv(envResident)
	if text == "" || json.Unmarshal([]byte(text), &s) != nil {
		return process.Start{}, false
	}
	return s, true
}

// startProcess starts the run's process and waits until it answers, or is found to be another client's.
func (r *Run) startProcess(ctx context.Context, s process.Start, o resident.StartOptions) error {
	made, err := record.MakeDir(r.dir)
	if err != nil {
		return err
	}
	r.made = r.made || made
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	o.Dir, o.Env = r.dir, []string{envResident + "=" + string(text)}
	if resident.Kept(r.dir) { // its process has just begun, and does not listen yet; or it hangs
		return r.await(ctx, nil)
	}
	p, err := resident.Start(o)
	if err != nil {
		r.cleanUp()
		return err
	}
	return r.await(ctx, p)
}

// cleanUp removes the folder that was made for a run which could not begin.
func (r *Run) cleanUp() {
	if r.made {
		record.RemoveUnused(r.dir)
	}
}

const programTime = time.Minute // for the program to come to its Open, once more

// await waits until the run's process answers: p, or, where that is nil, another client's.
func (r *Run) await(ctx context.Context, p *resident.Process) error {
	err := r.client().Await(ctx, p, programTime)
	var exit *resident.ExitError
	var late *resident.LateError
	switch {
	case errors.As(err, &exit):
		return r.ended(exit.Err)
	case errors.As(err, &late):
		return fmt.Errorf("the program of run %s, process %d, has not come to its Open within %s; it goes on: see %s, or end it by `kill %d`",
			r.name, late.Pid, late.Waited, filepath.Join(r.dir, resident.LogFile), late.Pid)
	case err != nil && ctx.Err() == nil:
		return r.worded(err)
	}
	return err
}

// ended is the error of a process that ended before it was of use.
func (r *Run) ended(err error) error {
	said, log := resident.LastWords(r.dir, 1), ""
	if record.Holds(r.dir) {
		log = "; its log is " + filepath.Join(r.dir, resident.LogFile)
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
	var s record.Status
	err := r.call(ctx, "ready", nil, &s)
	if errors.Is(err, io.EOF) || errors.Is(err, process.ErrEnding) {
		resident.AwaitEnd(r.dir, 3*time.Second)
		return r.ended(errors.New("while it got ready"))
	}
	if err == nil && r.notice == "" {
		r.notice = s.Notice
	}
	return err
}
