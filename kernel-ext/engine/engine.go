package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"gantry.local/kernel-ext/engine/wire"
	"gantry.local/kernel-ext/internal/lastwords"
)

// Config is how an engine is started.
type Config struct {
	Program     string // its executable
	Dir         string // its working folder; empty: this process's
	Environment []string
	Log         io.Writer // for what it has to say to nobody in particular
	Begin       wire.Begin
}

// Events are called one after the other, in the order in which things happened, by one goroutine. While one waits, the
// engine and the programs of cells do, once they have said more than a little.
type Events struct {
	Printed     func(stderr bool, text []byte) // text may be kept
	Display     func(wire.Display)
	Ask         func(wire.Ask)
	Running     func(wire.Running)
	Definitions func(wire.Definitions)
	ToPage      func(wire.Comm)
}

// Engine is a running engine.
type Engine struct {
	Ready  wire.Ready
	Exited chan struct{} // closed when its process and all of its session has ended
	PID    int           // its process and session

	conn   *wire.Conn
	reason error

	mu     sync.Mutex
	cell   int            // that runs
	ending chan wire.Done // gets its end; nil: none runs
}

// Start starts an engine in a session of its own and returns when it takes cells. The operating system ends it with this
// process.
func Start(ctx context.Context, c Config, on Events) (*Engine, error) {
	conn, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	e := &Engine{Exited: make(chan struct{}), conn: wire.NewConn(conn)}
	cmd := exec.Command(c.Program)
	cmd.Dir, cmd.Env = c.Dir, c.Environment
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = OwnSession()
	err = e.start(cmd, c.Log)
	theirs.Close()
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot start the engine: %w; run make setup", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := e.conn.Send(wire.KindBegin, c.Begin); err != nil {
		return nil, e.failed(ctx, err)
	}
	kind, content, err := e.conn.Receive()
	if err == nil && kind != wire.KindReady {
		err = fmt.Errorf("it begins with a frame of kind %d", kind)
	}
	if err == nil {
		err = json.Unmarshal(content, &e.Ready)
	}
	if err != nil {
		return nil, e.failed(ctx, err)
	}
	go e.follow(on)
	return e, nil
}

// failed stops an engine that did not begin, and says why.
func (e *Engine) failed(ctx context.Context, err error) error {
	e.Stop() // which gives it the time to end by itself, and so to say why
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w; %w", err, e.Err())
}

// socketPair returns two ends of a socket that nobody else can reach.
func socketPair() (net.Conn, *os.File, error) {
	syscall.ForkLock.RLock()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(ends[0])
		syscall.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "engine"), os.NewFile(uintptr(ends[1]), "kernel")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// start runs cmd and keeps watching it. The operating system kills the process when the thread that started it ends, so
// one goroutine starts it, keeps its thread, and waits.
func (e *Engine) start(cmd *exec.Cmd, log io.Writer) error {
	stderr, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = w, w
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		w.Close()
		if err == nil {
			e.PID = cmd.Process.Pid
		}
		started <- err
		if err != nil {
			stderr.Close()
			return
		}
		var said lastwords.Tail
		var copied sync.WaitGroup
		copied.Go(func() { io.Copy(io.MultiWriter(log, &said), stderr) })
		err = cmd.Wait()
		KillSession(e.PID) // whatever cells left; also ends those that hold its stderr
		copied.Wait()
		stderr.Close()
		if err == nil {
			err = errors.New("exit status 0")
		}
		e.reason = fmt.Errorf("the engine stopped: %w; its last words: %q", err, said.Line())
		close(e.Exited)
	}()
	return <-started
}

// Err waits for the end and returns why it was.
func (e *Engine) Err() error {
	<-e.Exited
	return e.reason
}

// stopPatience is how long the programs of cells may take to end in order when their kernel does; the next kernel waits for
// that, and Jupyter kills a kernel that takes 5 s or more. The engine takes a second of it.
const stopPatience = 1500 * time.Millisecond

// Stop ends the engine and all that it has started, which is asked to end before.
func (e *Engine) Stop() {
	e.conn.Close()
	select {
	case <-e.Exited:
	case <-time.After(stopPatience):
		KillSession(e.PID)
		<-e.Exited
	}
}

// Run runs a cell, once the one before is done. Behind all its events the channel gets its end, or is closed if the engine is gone before.
func (e *Engine) Run(c wire.Cell) (<-chan wire.Done, error) {
	ending := make(chan wire.Done, 1)
	e.mu.Lock()
	e.cell, e.ending = c.ID, ending
	e.mu.Unlock()
	if err := e.conn.Send(wire.KindRun, c); err != nil {
		return nil, err
	}
	return ending, nil
}

// follow calls the events until the engine is gone. An engine that says what it must not is ended.
func (e *Engine) follow(on Events) {
	for {
		kind, content, err := e.conn.Receive()
		if err == nil {
			err = e.handle(kind, content, on)
		}
		if err != nil {
			break
		}
	}
	e.conn.Close() // the engine ends with the socket
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ending != nil {
		close(e.ending)
	}
}

func (e *Engine) handle(kind wire.Kind, content []byte, on Events) error {
	switch kind {
	case wire.KindStdout, wire.KindStderr:
		on.Printed(kind == wire.KindStderr, content)
		return nil
	case wire.KindDisplay:
		return tell(content, on.Display)
	case wire.KindAsk:
		return tell(content, on.Ask)
	case wire.KindRunning:
		return tell(content, on.Running)
	case wire.KindDefinitions:
		return tell(content, on.Definitions)
	case wire.KindDone:
		return wire.Read(content, e.over)
	case wire.KindToPage:
		return tell(content, on.ToPage)
	}
	return fmt.Errorf("a frame of kind %d from the engine", kind)
}

func tell[E any](content []byte, to func(E)) error {
	return wire.Read(content, func(event E) error {
		to(event)
		return nil
	})
}

// over hears the end of the cell that runs.
func (e *Engine) over(done wire.Done) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ending == nil || done.Cell != e.cell {
		return fmt.Errorf("the end of cell %d, which does not run", done.Cell)
	}
	e.ending <- done
	e.ending = nil
	return nil
}

// Interrupt asks what a cell runs to end, and has nothing more of it started. It does nothing if that cell does not run.
func (e *Engine) Interrupt(cell int) error {
	return e.conn.Send(wire.KindInterrupt, wire.Stop{Cell: cell})
}

// Kill ends what a cell runs at once.
func (e *Engine) Kill(cell int) error { return e.conn.Send(wire.KindKill, wire.Stop{Cell: cell}) }

// Answer is what a person has entered for a cell.
func (e *Engine) Answer(cell int, text string) error {
	return e.conn.Send(wire.KindAnswer, wire.Answer{Cell: cell, Text: text})
}

// FromPage gives GoNB's widgets what a front-end says.
func (e *Engine) FromPage(c wire.Comm) error { return e.conn.Send(wire.KindFromPage, c) }
