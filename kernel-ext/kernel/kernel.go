package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/comms"
	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/history"
	"gantry.local/kernel-ext/jupyter"
	"gantry.local/kernel-ext/jupyter/zmtp"
)

// Config says where Jupyter's connection file, GoNB and the project are.
type Config struct {
	ConnectionFile string    // Jupyter's connection file
	GoNB           string    // path of the gonb executable; empty: beside the running executable, then on PATH
	Project        string    // project root, which holds go.mod and go.sum of module gantry.local
	Gantry         string    // path of the gantry executable, for %runs and %doctor; empty: the running executable
	Log            io.Writer // kernel log, GoNB's included; nil: os.Stderr
	Ahead          bool      // learn, while the kernel runs, how cells are built that import what cells do; see quick.go
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

	requests requests      // of the front-ends, under way in GoNB
	cells    queue         // execute requests that wait for their turn
	count    int           // of the cells run so far, as GoNB counts; the goroutine that runs cells owns it
	ready    chan struct{} // closed when GoNB is prepared and gonb, info and module are set
	gonb     *gonb
	info     json.RawMessage // content of GoNB's kernel_info_reply
	module   *cellModule
	help     string         // GoNB's help page
	history  *history.Cells // of the cells of all kernels
	earlier  golang.Earlier // what the cells run so far declare
	gopls    *golang.Gopls
	latest   latest // of what front-ends ask about code
	hub      *comms.Hub
	output   output                // what cells print
	streams  []*stream             // that they print to
	begins   *stream               // where programs say that they begin
	told     *os.File              // and what they are told
	programs int                   // that have begun; begins owns it
	shown    map[string]bool       // the ids of displays; the displays of the cell that runs own it
	sources  []source              // of the cells run so far, the latest first; the goroutine that runs cells owns it
	own      chan *jupyter.Message // what GoNB answers to this kernel's own requests, until ready

	question atomic.Int64 // when GoNB last asked the user for input, in ns of Unix time

	done     chan struct{} // closed when Serve is ending
	shutdown chan struct{} // closed when a front-end asked for the end
	asked    sync.Once

	warnOnce sync.Once
	warning  string // what went wrong in preparing GoNB, for the first cell; set before ready is closed
}

// Serve runs the kernel that c describes until Jupyter asks for shutdown, ctx ends, the process is told to terminate,
// or the Jupyter that started it is gone; then GoNB and all it started are gone too and nil is returned. An error says
// why the kernel could not start, or why GoNB died.
func Serve(ctx context.Context, c Config) error {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt) // what Jupyter sends where it does not interrupt by message
	defer signal.Stop(interrupts)
	if c.Log == nil {
		c.Log = os.Stderr
	}
	project, err := filepath.Abs(c.Project)
	if err != nil {
		return err
	}
	executable := c.GoNB
	if executable == "" {
		if executable, err = findGoNB(); err != nil {
			return err
		}
	}
	connection, err := jupyter.ReadConnection(c.ConnectionFile)
	if err != nil {
		return err
	}
	p := &proxy{
		log: &jupyter.Logger{To: c.Log}, gate: jupyter.NewGate([]byte(connection.Key)), project: project,
		gantry: c.Gantry, ready: make(chan struct{}), own: make(chan *jupyter.Message, 64),
		done: make(chan struct{}), shutdown: make(chan struct{}), shown: map[string]bool{},
	}
	p.signer, p.session = p.gate.Signer, p.gate.Session
	p.history = history.Open(p.log.Printf)
	p.gopls = golang.NewGopls(p.cellFolder, func() (string, []string) {
		return filepath.Dir(executable), gonbEnvironment(p.gonb.scripts, executable)
	}, &p.earlier, p.log.Printf)
	p.output.publish, p.output.clear = p.printedText, p.cleared
	p.hub = comms.NewHub(comms.Kernel{
		Session: p.session, Cell: p.runningCell, Publish: p.publish, Reply: p.reply, GoNB: p.handGoNB,
		Log: p.log.Printf, Complain: p.log.Complain, Done: p.done,
	})
	if files := connection.Files(); len(files) > 0 {
		defer os.Remove(filepath.Dir(files[0])) // if it is empty
	}
	if err := p.listen(connection); err != nil {
		return err
	}
	defer p.close()
	if err := p.hub.Open(channel.Path(c.ConnectionFile)); err != nil {
		p.warning = fmt.Sprintf("gantry: widgets and the figures of resident runs do not work in this kernel: %v", err)
		p.log.Printf("%s", p.warning)
	}
	defer p.hub.Close()
	defer p.gopls.Close()
	defer p.cells.interrupt()
	defer close(p.done)

	g, err := startGoNB(ctx, executable, c.ConnectionFile, project, p.log, connection.Files()...)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	p.gonb = g
	defer p.closeStreams()
	defer g.stop()
	if err := p.openStreams(); err != nil {
		return err
	}
	defer p.closePrograms()
	if err := p.openPrograms(); err != nil {
		return err
	}
	go p.fromShell()
	go p.fromStdin()
	go p.fromIOPub()
	go p.runCells()
	prepared := make(chan error, 1)
	go func() { prepared <- p.prepare(ctx) }()

	orphaned := watchParent(p.done)
	for {
		select {
		case err := <-prepared:
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			close(p.ready)
			if c.Ahead && p.module != nil {
				defer g.warm(executable, p.module.dir).stop()
			}
		case <-interrupts:
			p.interrupt()
		case <-p.shutdown:
			return nil
		case <-ctx.Done():
			return nil
		case <-orphaned:
			p.log.Printf("the Jupyter that started this kernel is gone; stopping")
			return nil
		case <-g.exited:
			return g.reason
		}
	}
}

// listen opens the five sockets and starts to serve them. Requests wait in their handlers until GoNB is ready.
func (p *proxy) listen(c jupyter.Connection) (err error) {
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	for _, s := range []struct {
		to   **jupyter.Socket
		kind zmtp.Kind
		port int
	}{
		{&p.shell, zmtp.Router, c.Shell}, {&p.control, zmtp.Router, c.Control}, {&p.stdin, zmtp.Router, c.Stdin},
		{&p.iopub, zmtp.Pub, c.IOPub}, {&p.heartbeat, zmtp.Rep, c.Heartbeat},
	} {
		if *s.to, err = jupyter.Listen(s.kind, c.Endpoint(s.port), p.log); err != nil {
			return err
		}
	}
	for _, s := range []*jupyter.Socket{p.shell, p.control, p.stdin, p.iopub, p.heartbeat} {
		s.Also = c.Owner
	}
	p.iopub.Greet = p.welcome
	for _, s := range []*jupyter.Socket{p.shell, p.control, p.stdin} {
		s.Known = p.gate.Knows
	}
	// Only now: a request on one socket may be answered on another.
	p.iopub.Serve(nil)
	p.heartbeat.Serve(nil)
	p.stdin.Serve(p.onStdin)
	p.shell.Serve(p.onShell)
	p.control.Serve(p.onControl)
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
