package resident

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"gantry.local/kernel-ext/keep"
)

// Names of the files in a resident process's folder.
const (
	ProgramFile = "program" // the copy of the executable
	LogFile     = "log"     // what it printed, this time and the times before
	LockFile    = "lock"    // held for as long as it lives, see Take
	SocketFile  = "socket"  // at which other processes reach it
)

// StartOptions of Start.
type StartOptions struct {
	Dir     string   // the process's folder, which exists; required
	Program string   // the executable; default: that of this process
	Args    []string // its arguments; default nil, those of this process
	Env     []string // KEY=value, added to this process's environment
	WorkDir string   // default: this process's
}

// Process is a process that Start started.
type Process struct {
	Pid    int
	exited chan struct{}
	err    error // why it ended; valid once exited is closed
}

// Start starts the program in a session of its own, so that neither an interrupt nor the end of this process reaches it.
// It reads nothing, what it prints goes to the log, its temporary folder is its own, and it does not know of the pipes
// to the notebook. A program of a cell begins there with the variables that the cell began with.
func Start(o StartOptions) (*Process, error) {
	if o.Args == nil {
		o.Args = os.Args[1:]
	}
	program := filepath.Join(o.Dir, ProgramFile)
	if o.Program != program {
		if err := copyProgram(program, o.Program); err != nil {
			return nil, fmt.Errorf("cannot copy the program into %s: %w", o.Dir, err)
		}
		if err := keepValues(o.Dir, o.Program == ""); err != nil {
			return nil, fmt.Errorf("cannot keep the variables that the program begins with in %s: %w", o.Dir, err)
		}
	}
	log, err := openLog(filepath.Join(o.Dir, LogFile))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, o.Args...)
	cmd.Dir = o.WorkDir
	cmd.Env = environment(o.Dir, o.Env)
	cmd.Stdout, cmd.Stderr = log, log // and no input
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program, err)
	}
	p := &Process{Pid: cmd.Process.Pid, exited: make(chan struct{})}
	go func() { // else it would stay a zombie for as long as this process lives
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Err is why the process ended, nil for exit code 0. It is called after Exited is closed.
func (p *Process) Err() error { return p.err }

// environment is this process's, less what belongs to the cell and the kernel it runs in, and with the variables of a
// notebook that lie in dir.
func environment(dir string, more []string) []string {
	own := slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return strings.HasPrefix(name, "GONB_PIPE") || name == "TMPDIR" || name == "GOTMPDIR"
	})
	own = append(own, keep.InSnapshot(filepath.Join(dir, ValuesDir))...)
	return append(append(own, "TMPDIR="+dir), more...)
}

// copyProgram copies an executable, "" for that of this process, to path. A process that runs a former copy keeps it.
func copyProgram(path, program string) error {
	from, err := openProgram(program)
	if err != nil {
		return err
	}
	defer from.Close()
	// A child that another goroutine forks meanwhile would have the copy open for writing until it becomes its program, and
	// what is open for writing cannot be executed.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	to, err := os.CreateTemp(filepath.Dir(path), "."+ProgramFile+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(to.Name()) // gone after the rename
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Chmod(0o700), to.Close()); err != nil {
		return err
	}
	return os.Rename(to.Name(), path)
}

// largestLog is the size from which a log is put aside for a new one.
const largestLog = 1 << 20

func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > largestLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// LastWords returns the last n lines of the log in dir that are not empty, or "".
func LastWords(dir string, n int) string {
	f, err := os.Open(filepath.Join(dir, LogFile))
	if err != nil {
		return ""
	}
	defer f.Close()
	const tail = 8 << 10
	if info, err := f.Stat(); err == nil && info.Size() > tail {
		f.Seek(-tail, io.SeekEnd)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return ""
	}
	var lines []string
	for line := range bytes.Lines(text) {
		if line := strings.TrimSpace(string(line)); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
