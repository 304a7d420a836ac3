package sweep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"gantry.local/kernel-ext/internal/lastwords"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/record"
)

const (
	endPatience   = 25 * time.Second // that a trial has to save when it is told to end: less than the 30 s that clusters give
	roomPatience  = 10 * time.Second // that a trial waits for room on the disk
	ownerPatience = 5 * time.Second  // that another process has to let go of a trial
	tailSize      = 8 << 10          // bytes of what a trial says that are kept
	misusedTrain  = 2                // exit code of `gantry train` for settings that it refuses

	// What `gantry train` says of a step whose losses or gradients are infinite or no number, and of a run whose process was another and has ended.
	divergedWords = "no longer finite"
	stoppedWords  = "stopped by another process"
)

// Run trains one trial until a step, from its last checkpoint if it has one, and again from there when its process dies. Its folder keeps
// what became of it. What the trial prints goes to out, what it says to log; either may be nil. ctx's end has it save and end.
func (s *Sweep) Run(ctx context.Context, t Trial, until int, out, log io.Writer) (Outcome, error) {
	before, ended := s.outcome(t)
	if !ended {
		before = Outcome{}
	}
	if before.State == Diverged || before.State == Done && before.Steps >= until {
		return before, nil // nothing is done twice
	}
	o := before
	for tries := 0; ; tries++ {
		begin := time.Now()
		o.State, o.Problem = s.attempt(ctx, t, until, out, log)
		o.Attempts, o.Seconds, o.Ended = o.Attempts+1, o.Seconds+time.Since(begin).Seconds(), time.Now().UTC()
		o.Steps = until
		if o.State != Died || tries == s.Spec.retries() || ctx.Err() != nil {
			return o, s.keep(t, o)
		}
	}
}

// attempt is one process of a trial.
func (s *Sweep) attempt(ctx context.Context, t Trial, until int, out, log io.Writer) (State, string) {
	if ctx.Err() != nil {
		return Interrupted, "before it had begun"
	}
	dir := s.dirOf(t)
	args := append(s.train.Command[1:len(s.train.Command):len(s.train.Command)], "--json", "--steps", strconv.Itoa(until), "--out", dir)
	if record.Lives(dir) { // of a task that was ended and is saving, or of a sweep that was killed, whose trial is followed
		resident.AwaitEnd(dir, ownerPatience)
	}
	if record.Holds(dir) {
		args = append(args, "--resume")
	} else {
		os.Remove(filepath.Join(dir, outcomeFile)) // `gantry train` begins a run in an empty folder alone
		record.RemoveUnused(dir)
	}
	limited, end := context.WithCancel(ctx)
	defer end()
	c := exec.CommandContext(limited, s.train.Command[0], append(args, t.flags()...)...)
	c.Env = withoutNotebook(os.Environ())
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the sweep, which tells its trials in its order
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = endPatience
	printed := &counter{to: out}
	said := &tail{to: log}
	c.Stdout, c.Stderr = printed, said
	full := make(chan struct{}, 1)
	said.noRoom = func() {
		select {
		case full <- struct{}{}:
		default:
		}
	}
	crowded := false
	watched := make(chan struct{})
	go func() { // until limited ends
		defer close(watched)
		crowded = s.awaitRoom(limited, full, printed)
		if crowded {
			end()
		}
	}()
	err := c.Run()
	end()
	<-watched
	return s.became(ctx, t, c, err, crowded, said.String())
}

// withoutNotebook is an environment for what shows nothing below the cell that the sweep may be called from.
func withoutNotebook(env []string) []string {
	return slices.DeleteFunc(env, func(pair string) bool { return strings.HasPrefix(pair, "GONB_PIPE") })
}

// awaitRoom returns true where a trial that had no room to write has printed nothing for a while.
func (s *Sweep) awaitRoom(ctx context.Context, full <-chan struct{}, printed *counter) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-full:
		}
		before := printed.count()
		select {
		case <-ctx.Done():
			return false
		case <-time.After(s.roomPatience):
		}
		if printed.count() == before {
			return true
		}
	}
}

// became is the state that a trial's process has left behind, and why in a line.
func (s *Sweep) became(ctx context.Context, t Trial, c *exec.Cmd, err error, crowded bool, said string) (State, string) {
	if err == nil {
		return Done, ""
	}
	last := lastLine(said)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return Interrupted, last
	case crowded || strings.Contains(last, syscall.ENOSPC.Error()) || strings.Contains(last, syscall.EDQUOT.Error()):
		return NoRoom, last
	case !errors.As(err, &exit):
		return Failed, record.OneLine(err)
	}
	if status, is := exit.Sys().(syscall.WaitStatus); is && status.Signaled() {
		return Died, fmt.Sprintf("its process was ended by signal %d (%s)", status.Signal(), status.Signal())
	}
	if c.ProcessState.ExitCode() == misusedTrain {
		return Refused, last
	}
	switch {
	case strings.Contains(last, divergedWords):
		return Diverged, last
	case strings.Contains(last, stoppedWords):
		return Died, last
	}
	return Failed, last
}

// lastLine is the last line that a process said, without its own name.
func lastLine(said string) string {
	return strings.TrimPrefix(lastwords.Line(said), "gantry: ")
}

// counter passes on what is written and counts it.
type counter struct {
	to io.Writer
	mu sync.Mutex
	n  int
}

func (c *counter) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.n += len(p)
	c.mu.Unlock()
	if c.to != nil {
		return c.to.Write(p)
	}
	return len(p), nil
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// tail passes on what is written, keeps the end of it, and tells when it speaks of a full disk.
type tail struct {
	to     io.Writer
	noRoom func()
	kept   []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	t.kept = t.kept[max(0, len(t.kept)-tailSize):]
	if bytes.Contains(p, []byte(syscall.ENOSPC.Error())) || bytes.Contains(p, []byte(syscall.EDQUOT.Error())) {
		t.noRoom()
	}
	if t.to != nil {
		return t.to.Write(p)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.kept) }
