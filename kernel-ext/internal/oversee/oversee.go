//go:build linux

// Package oversee runs a program and everything that comes of it, as the first process of a container does.
//
// A container ends when its first process does: the system kills what is left at that moment. The training runs are
// such: they live in sessions of their own, outlive their notebooks and know nothing of the container. So the first
// process adopts whatever the program leaves behind, and when it is to end, or the program ends, it tells every process
// so and waits for them, which gives the runs the time to save.
//
// Reading order: oversee.go (the life), processes.go (who they are).
package oversee

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Options of Run.
type Options struct {
	Args []string // the program and its arguments; required
	Dir  string   // its working directory; default: this process's

	// Grace is how long the processes may take to end after they were told to; then they are killed. It is less than
	// what whoever stops the container allows. Default 9 s: docker stop allows 10.
	Grace time.Duration
	Log   io.Writer // takes a line when something is ended; default: standard error
}

func (o Options) withDefaults() Options {
	if o.Grace <= 0 {
		o.Grace = 9 * time.Second
	}
	if o.Log == nil {
		o.Log = os.Stderr
	}
	return o
}

// Run runs a program with this process's input and output until it ends or ctx does, then ends all that is left, and
// returns the program's exit code (128 and the signal's number where a signal ended it). It is for a process that does
// nothing else: it waits for any child.
func Run(ctx context.Context, o Options) (code int, err error) {
	if o = o.withDefaults(); len(o.Args) == 0 {
		return 0, errors.New("no program to run")
	}
	if err := adopt(); err != nil {
		return 0, err
	}
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGCHLD)
	defer signal.Stop(changed)
	cmd := exec.Command(o.Args[0], o.Args[1:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = o.Dir, os.Stdin, os.Stdout, os.Stderr
	// A terminal's Ctrl-C is for the program, which may be a shell or ask whether it is meant.
	group, err := unix.IoctlGetInt(int(os.Stdin.Fd()), unix.TIOCGPGRP)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Foreground: err == nil && group == unix.Getpgrp()}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	main := cmd.Process.Pid
	look := time.NewTicker(lookEach)
	defer look.Stop()
	// SIGCHLD is not queued, and a process that is being traced or stopped changes without it: the ticker makes up for both.
	for ended, status := false, syscall.WaitStatus(0); ; {
		gone, _ := reap()
		if s, is := gone[main]; is {
			ended, status = true, s
		}
		if ended || ctx.Err() != nil {
			return end(o, main, status, changed, look.C)
		}
		select {
		case <-changed:
		case <-look.C:
		case <-ctx.Done():
		}
	}
}

// lookEach is how often is looked for who has ended.
const lookEach = 50 * time.Millisecond

// end tells all processes to end, waits for them, kills those that do not, and returns the exit code of the main one.
func end(o Options, main int, status syscall.WaitStatus, changed <-chan os.Signal, look <-chan time.Time) (code int, err error) {
	deadline := time.Now().Add(o.Grace)
	told, killed := map[int]bool{}, false
	for {
		gone, childless := reap()
		if s, is := gone[main]; is {
			status = s
		}
		living, err := others()
		if err != nil {
			return 0, err
		}
		if childless && len(living) == 0 {
			return exitCode(status), nil
		}
		late := time.Now().After(deadline)
		if late && killed && time.Now().After(deadline.Add(time.Second)) {
			return exitCode(status), nil // in the system's hands: nothing more can be done to them
		}
		for _, p := range living {
			switch {
			case late:
				if !killed {
					fmt.Fprintf(o.Log, "gantry: process %d (%s) did not end within %s and is killed\n", p.PID, p.Name, o.Grace)
				}
				syscall.Kill(p.PID, syscall.SIGKILL)
			case !told[p.PID]: // also one that was started meanwhile
				syscall.Kill(p.PID, syscall.SIGTERM)
				syscall.Kill(p.PID, syscall.SIGCONT) // else one that is stopped could not hear it
			}
			told[p.PID] = true
		}
		killed = late
		select {
		case <-changed:
		case <-look:
		}
	}
}

// reap takes leave of the children that have ended; childless tells that no other is left.
func reap() (ended map[int]syscall.WaitStatus, childless bool) {
	ended = map[int]syscall.WaitStatus{}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return ended, errors.Is(err, syscall.ECHILD)
		}
		ended[pid] = status
	}
}

func exitCode(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}
