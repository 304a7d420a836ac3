// Package kernel is the Jupyter kernel of the project: a proxy that stands between Jupyter and GoNB, forwards the
// messages of both, and makes GoNB's cells build against the project's own modules.
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
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gantry.local/kernel-ext/jupyter/zmtp"

	private "gantry.local/kernel-ext/channel"
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

// connectionInfo is the content of a connection file.
type connectionInfo struct {
	IP              string `json:"ip"`
	Transport       string `json:"transport"`
	Key             string `json:"key"`
	SignatureScheme string `json:"signature_scheme"`
	Shell           int    `json:"shell_port"`
	IOPub           int    `json:"iopub_port"`
	Stdin           int    `json:"stdin_port"`
	Control         int    `json:"control_port"`
	Heartbeat       int    `json:"hb_port"`

	owner int // of the connection file: who wrote it has the key
}

func (c connectionInfo) endpoint(port int) string {
	separator := ":"
	if c.Transport == "ipc" {
		separator = "-"
	}
	return c.Transport + "://" + c.IP + separator + strconv.Itoa(port)
}

// files are the Unix sockets among the endpoints.
func (c connectionInfo) files() []string {
	if c.Transport != "ipc" {
		return nil
	}
	var paths []string
	for _, port := range []int{c.Shell, c.IOPub, c.Stdin, c.Control, c.Heartbeat} {
		paths = append(paths, strings.TrimPrefix(c.endpoint(port), "ipc://"))
	}
	return paths
}

func readConnection(path string) (connectionInfo, error) {
	c := connectionInfo{owner: os.Getuid()}
	text, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("cannot read the connection file: %w", err)
	}
	if info, err := os.Stat(path); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			c.owner = int(stat.Uid)
		}
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("connection file %s: %w", path, err)
	}
	if c.Key != "" && c.SignatureScheme != "" && c.SignatureScheme != "hmac-sha256" {
		return c, fmt.Errorf("connection file %s: signature scheme %q; want hmac-sha256", path, c.SignatureScheme)
	}
	return c, nil
}

// farewell is how long a closing kernel waits for its last messages to leave.
const farewell = 500 * time.Millisecond

// proxy is one running kernel.
type proxy struct {
	log     *logger
	signer  signer
	session string // of the messages this kernel writes itself
	ownMark string // how such sessions begin, see kernelSession
	project string
	gantry  string // executable; empty: the running one

	shell, control, stdin, iopub, heartbeat *socket

	replays  replays       // of what front-ends sent
	clients  clients       // that have shown that they have the key
	requests requests      // of the front-ends, under way in GoNB
	cells    queue         // execute requests that wait for their turn
	count    int           // of the cells run so far, as GoNB counts; the goroutine that runs cells owns it
	ready    chan struct{} // closed when GoNB is prepared and gonb, info and module are set
	gonb     *gonb
	info     json.RawMessage // content of GoNB's kernel_info_reply
	module   *cellModule
	help     string   // GoNB's help page
	history  *history // of the cells of all kernels
	memory   memory   // what the cells run so far declare
	language languageServer
	hub      *hub
	output   output          // what cells print
	streams  []*stream       // that they print to
	begins   *stream         // where programs say that they begin
	told     *os.File        // and what they are told
	programs int             // that have begun; begins owns it
	shown    map[string]bool // the ids of displays; the displays of the cell that runs own it
	sources  []source        // of the cells run so far, the latest first; the goroutine that runs cells owns it
	own      chan *message   // what GoNB answers to this kernel's own requests, until ready

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
	connection, err := readConnection(c.ConnectionFile)
	if err != nil {
		return err
	}
	p := &proxy{
		log: &logger{to: c.Log}, signer: signer{[]byte(connection.Key)}, project: project,
		gantry: c.Gantry, ready: make(chan struct{}), own: make(chan *message, 64),
		done: make(chan struct{}), shutdown: make(chan struct{}), shown: map[string]bool{},
	}
	p.session, p.ownMark = kernelSession(p.signer.key)
	p.history = openHistory(p.log)
	p.output.publish, p.output.clear = p.printedText, p.cleared
	p.hub = newHub(p)
	if files := connection.files(); len(files) > 0 {
		defer os.Remove(filepath.Dir(files[0])) // if it is empty
	}
	if err := p.listen(connection); err != nil {
		return err
	}
	defer p.close()
	if err := p.hub.open(private.Path(c.ConnectionFile)); err != nil {
		p.warning = fmt.Sprintf("gantry: widgets and the figures of resident runs do not work in this kernel: %v", err)
		p.log.printf("%s", p.warning)
	}
	defer p.hub.close()
	defer p.language.close()
	defer p.cells.interrupt()
	defer close(p.done)

	g, err := startGoNB(ctx, executable, c.ConnectionFile, project, p.log, connection.files()...)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	p.gonb = g
	p.language.server.tools, p.language.server.environment = filepath.Dir(executable), gonbEnvironment(g.scripts, executable)
	p.language.server.begun = time.Now()
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
			p.log.printf("the Jupyter that started this kernel is gone; stopping")
			return nil
		case <-g.exited:
			return g.reason
		}
	}
}

// listen opens the five sockets and starts to serve them. Requests wait in their handlers until GoNB is ready.
func (p *proxy) listen(c connectionInfo) (err error) {
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	for _, s := range []struct {
		to   **socket
		kind zmtp.Kind
		port int
	}{
		{&p.shell, zmtp.Router, c.Shell}, {&p.control, zmtp.Router, c.Control}, {&p.stdin, zmtp.Router, c.Stdin},
		{&p.iopub, zmtp.Pub, c.IOPub}, {&p.heartbeat, zmtp.Rep, c.Heartbeat},
	} {
		if *s.to, err = listen(s.kind, c.endpoint(s.port), p.log); err != nil {
			return err
		}
	}
	for _, s := range []*socket{p.shell, p.control, p.stdin, p.iopub, p.heartbeat} {
		s.also = c.owner
	}
	p.iopub.greet = p.welcome
	for _, s := range []*socket{p.shell, p.control, p.stdin} {
		s.known = p.clients.has
	}
	// Only now: a request on one socket may be answered on another.
	p.iopub.serve(nil)
	p.heartbeat.serve(nil)
	p.stdin.serve(p.onStdin)
	p.shell.serve(p.onShell)
	p.control.serve(p.onControl)
	return nil
}

func (p *proxy) close() {
	for _, s := range []*socket{p.control, p.shell, p.iopub, p.stdin, p.heartbeat} {
		if s != nil {
			s.close(farewell)
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
