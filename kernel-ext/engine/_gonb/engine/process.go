package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/janpfeifer/gonb/engine/wire"
)

// errStopped is why a stopped cell starts nothing more.
var errStopped = errors.New("the cell was interrupted")

// run is a cell that runs, and the process groups that it has started: what they start belongs to them unless it leaves
// them, as what is to outlive a cell does.
type run struct {
	e    *engine
	cell wire.Cell
	done wire.Done

	mu       sync.Mutex
	groups   []int // alive, or with members that are
	stopped  bool
	input    io.WriteCloser // of the process that runs; nil: it gets none
	answered chan struct{}  // closed at the next answer; nil: nobody waits
}

// start starts a process in a group of its own, unless the cell was stopped.
func (r *run) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return errStopped
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.groups = append(r.groups, cmd.Process.Pid)
	return nil
}

// wait waits for the end of a process, and forgets its group if nothing is left of that.
func (r *run) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	group := cmd.Process.Pid
	r.mu.Lock()
	defer r.mu.Unlock()
	if isGone(group) {
		r.groups = slices.DeleteFunc(r.groups, func(g int) bool { return g == group })
	}
	return err
}

// halt has nothing more started, and returns the process groups.
func (r *run) halt() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	return r.groups
}

// stop asks all that the cell has started to end, or kills it. Nothing more is started.
func (r *run) stop(kill bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	s := syscall.SIGINT
	if kill {
		s = syscall.SIGKILL
	}
	for _, group := range r.groups {
		syscall.Kill(-group, s)
	}
}

// endRest ends what a stopped cell has left in the background, and waits a while until it is gone.
func (r *run) endRest() {
	const patience = 500 * time.Millisecond
	r.stop(true)
	left := r.left()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if left = slices.DeleteFunc(left, isGone); len(left) == 0 {
			return
		}
	}
}

// left are the process groups of which something may be left.
func (r *run) left() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.groups)
}

func (r *run) isStopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// mostSaid is how much of what a tool says is kept.
const mostSaid = 1 << 20

// limited keeps the beginning of what is written to it.
type limited struct{ bytes.Buffer }

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	l.Buffer.Write(p[:min(len(p), max(0, mostSaid-l.Len()))])
	return len(p), nil
}

// tool runs a tool in the folder of the cells.
func (r *run) tool(env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = r.e.begin.Dir, append(os.Environ(), env...)
	var said limited
	cmd.Stdout, cmd.Stderr = &said, &said
	err := r.start(cmd)
	if err == nil {
		err = r.wait(cmd)
	}
	return said.Bytes(), err
}

// execute runs a process that prints below the cell, and takes down in done how it ends. Input comes from answers, or is
// all in text. The process is over when it has ended; what it leaves in the background can go on printing.
func (r *run) execute(cmd *exec.Cmd, text *string) error {
	cmd.Stdout, cmd.Stderr = r.e.stdout.in, r.e.stderr.in
	cmd.WaitDelay = time.Second // for input that something in the background does not read
	var input io.WriteCloser
	if text != nil {
		cmd.Stdin = strings.NewReader(*text)
	} else {
		var err error
		if input, err = cmd.StdinPipe(); err != nil {
			return err
		}
	}
	if err := r.start(cmd); err != nil {
		return err
	}
	r.setInput(input)
	err := r.wait(cmd)
	r.setInput(nil)
	r.e.stdout.drain()
	r.e.stderr.drain()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return err
	}
	if cmd.ProcessState != nil && !cmd.ProcessState.Success() {
		r.done.Words, r.done.Status = cmd.ProcessState.String(), cmd.ProcessState.ExitCode()
		return errFailed
	}
	return nil
}

// errFailed is why a cell ends whose process has failed.
var errFailed = errors.New("it failed")

func (r *run) setInput(input io.WriteCloser) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.input = input
}

// answer gives the process a line, which it may read when it likes.
func (r *run) answer(text string) {
	r.mu.Lock()
	input := r.input
	if r.answered != nil {
		close(r.answered)
		r.answered = nil
	}
	r.mu.Unlock()
	if input != nil {
		go io.Copy(input, bytes.NewReader([]byte(text+"\n")))
	}
}

// nextAnswer is closed when the next answer comes.
func (r *run) nextAnswer() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answered == nil {
		r.answered = make(chan struct{})
	}
	return r.answered
}

// ask wants a line from a person.
func (r *run) ask(prompt string, password bool) error {
	if !r.cell.AllowStdin {
		return fmt.Errorf("this notebook has nobody to ask")
	}
	return r.e.conn.Send(wire.KindAsk, wire.Ask{Cell: r.cell.ID, Prompt: prompt, Password: password})
}
