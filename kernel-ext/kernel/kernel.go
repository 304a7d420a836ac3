package kernel

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	cellbuild "gantry.local/kernel-ext/cell"
	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/comms"
	"gantry.local/kernel-ext/engine"
	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/history"
	"gantry.local/kernel-ext/jupyter"
	"gantry.local/kernel-ext/jupyter/zmtp"
)

// Config says where Jupyter's connection file, the engine and the project are.
type Config struct {
	ConnectionFile string // Jupyter's connection file
	Engine         string // path of the engine's executable; empty: beside the running executable, then on PATH
	Project        string // project root, which holds go.mod and go.sum of module gantry.local
	Gantry         string // path of the gantry executable, for %runs and %doctor; empty: the running executable
	Ahead          bool   // learn, while the kernel runs, how cells are built that import what cells do; see quick.go
}

// farewell is how long a closing kernel waits for its last messages to leave.
const farewell = 500 * time.Millisecond

// proxy is one running kernel.
type proxy struct {
	log     *jupyter.Logger
	gate    *jupyter.Gate  // what front-ends say comes in by it
	signer  jupyter.Signer // of what is said to them
	session string         // of the messages this kernel writes itself
	project string
	gantry  string // executable; empty: the running one

	shell, control, stdin, iopub, heartbeat *jupyter.Socket

	cells   *queue        // execute requests that wait for their turn
	count   int           // of the cells run so far that are counted; the goroutine that runs cells owns these two
	serial  int           // of those that the engine has run
	ready   chan struct{} // closed when the engine takes cells; engine, values and gopls are set
	engine  *engineHost
	history *history.Cells                 // of the cells of all kernels
	earlier atomic.Pointer[golang.Earlier] // what the cells run so far declare
	values  *values
	gopls   *golang.Gopls
	latest  latest // of what front-ends ask about code
	hub     *comms.Hub
	output  output // what cells print
	sources sources

	done chan struct{} // closed when Serve is ending
	end  func()        // has Serve end

	warning string // what went wrong at the start, for the first cell
}

// Serve runs the kernel that c describes until Jupyter asks for shutdown, ctx ends, the process is told to terminate,
// or the Jupyter that started it is gone; then the engine and all it started are gone too and nil is returned. An error says
// why the kernel could not start, or why the engine died.
func Serve(ctx context.Context, c Config) error {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	ctx, end := context.WithCancel(ctx)
	defer end()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt) // what Jupyter sends where it does not interrupt by message
	defer signal.Stop(interrupts)
	project, err := filepath.Abs(c.Project)
	if err != nil {
		return err
	}
	c.Project = project
	if c.Engine == "" {
		if c.Engine, err = findEngine(); err != nil {
			return err
		}
	}
	connection, err := jupyter.ReadConnection(c.ConnectionFile)
	if err != nil {
		return err
	}
	p := &proxy{
		log: &jupyter.Logger{To: os.Stderr}, gate: jupyter.NewGate([]byte(connection.Key)), project: project,
		gantry: c.Gantry, ready: make(chan struct{}), cells: newQueue(), end: end,
		done: make(chan struct{}),
	}
	p.signer, p.session = p.gate.Signer, p.gate.Session
	p.earlier.Store(golang.ReadEarlier("package main"))
	p.history = history.Open(p.log.Printf)
	p.output.send = func(parent *jupyter.Message, msgType string, content any) {
		p.send(jupyter.NewMessage(p.session, msgType, parent, content))
	}
	p.hub = comms.NewHub(comms.Kernel{
		Session: p.session, Cell: p.runningCell, Publish: p.publish, Reply: p.reply, GoNB: p.handGoNB,
		Log: p.log.Printf, Complain: p.log.Complain, Done: p.done,
	})
	temp, err := engine.MakeTemp(p.log.Printf)
	if err != nil {
		return err
	}
	files := connection.Files()
	guard, err := engine.Watch(temp, channel.Path(c.ConnectionFile), files...) // before there is anything to clear away
	if err != nil {
		return errors.Join(err, temp.Remove())
	}
	defer func() {
		if err := temp.Remove(); err != nil {
			p.log.Printf("cannot remove %s: %v", temp.Dir, err)
		}
		guard.Dismiss()
	}()
	if len(files) > 0 {
		defer os.Remove(filepath.Dir(files[0])) // if it is empty
	}
	defer p.close()
	if err := p.listen(connection); err != nil {
		return err
	}
	if err := p.hub.Open(channel.Path(c.ConnectionFile)); err != nil {
		p.warnOf("widgets and the figures of resident runs do not work in this kernel: %v", err)
	}
	defer p.hub.Close()
	defer func() {
		if c := p.cells.running(); c != nil {
			c.cancel() // what this kernel does itself for it
		}
	}()
	defer close(p.done)

	e, err := startEngine(ctx, c, temp, p.log, p.events())
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer e.Stop()
	e.guard = guard
	if err := guard.Also(e.PID); err != nil {
		p.log.Printf("if this kernel is killed, processes of its cells may be left: %v", err)
	}
	if e.unpinned != nil {
		p.warnOf("cells do not see the project's modules: %v; run make setup", e.unpinned)
	}
	p.engine = e
	p.gopls = golang.NewGopls(golang.Workshop{Dir: e.dir, Beside: cellbuild.BesideFile, Tools: e.tools, Environment: e.environment}, p.earlier.Load, p.log.Printf)
	defer p.gopls.Close()
	if p.values, err = openValues(filepath.Join(temp.Dir, "values"), e); err != nil {
		return err
	}
	close(p.ready)
	if c.Ahead {
		defer e.warm()()
	}
	go p.runCells()

	orphaned := watchParent(p.done)
	for {
		select {
		case <-interrupts:
			p.interrupt()
		case <-ctx.Done():
			return nil
		case <-orphaned:
			p.log.Printf("the Jupyter that started this kernel is gone; stopping")
			return nil
		case <-e.Exited:
			return e.Err()
		}
	}
}

// listen opens the five sockets and starts to serve them. Requests wait in their handlers until the engine is ready.
func (p *proxy) listen(c jupyter.Connection) error {
	for _, s := range []struct {
		to   **jupyter.Socket
		kind zmtp.Kind
		port int
	}{
		{&p.shell, zmtp.Router, c.Shell}, {&p.control, zmtp.Router, c.Control}, {&p.stdin, zmtp.Router, c.Stdin},
		{&p.iopub, zmtp.Pub, c.IOPub}, {&p.heartbeat, zmtp.Rep, c.Heartbeat},
	} {
		socket, err := jupyter.Listen(s.kind, c.Endpoint(s.port), p.log)
		if err != nil {
			return err
		}
		*s.to, socket.Also = socket, c.Owner
		if s.kind == zmtp.Router {
			socket.Known = p.gate.Knows
		}
	}
	p.iopub.Greet = p.welcome
	// Only now: a request on one socket may be answered on another.
	p.iopub.Serve(nil)
	p.heartbeat.Serve(nil)
	p.stdin.Serve(p.onStdin)
	p.shell.Serve(p.onRequest("shell"))
	p.control.Serve(p.onRequest("control"))
	return nil
}

func (p *proxy) close() {
	for _, s := range []*jupyter.Socket{p.control, p.shell, p.iopub, p.stdin, p.heartbeat} {
		if s != nil {
			s.Close(farewell)
		}
	}
}

// watchParent reports when the process that started this one is gone, as ipykernel does: Jupyter names itself in
// JPY_PARENT_PID unless the kernel is to outlive it.
func watchParent(done <-chan struct{}) <-chan struct{} {
	gone := make(chan struct{})
	parent := os.Getppid()
	if os.Getenv("JPY_PARENT_PID") != strconv.Itoa(parent) {
		return gone // started through something else, or independent
	}
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if os.Getppid() != parent {
					close(gone)
					return
				}
			}
		}
	}()
	return gone
}
