// Engine runs cells for a kernel that speaks Jupyter itself: package wire says how. GoNB reads the cells, knows what they
// declare, composes programs of them and carries out commands; the programs are started here, each in a process group.
//
// Reading order: this file, cell.go, process.go, printed.go, pipes.go, page.go.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/janpfeifer/gonb/engine/wire"
	"github.com/janpfeifer/gonb/gonbui/protocol"
	"github.com/janpfeifer/gonb/internal/goexec"
	"github.com/janpfeifer/gonb/internal/kernel"
	"github.com/janpfeifer/gonb/internal/specialcmd"
	"github.com/janpfeifer/gonb/version"
	"k8s.io/klog/v2"
)

// engine is all of the program. One goroutine runs cells, one reads what the kernel says.
type engine struct {
	conn    *wire.Conn
	begin   wire.Begin
	state   *goexec.State
	stdout  *printed // of all programs: one that outlives its cell can go on printing
	stderr  *printed
	shown   shown
	cells   chan *run
	source  string // as the kernel knows it; the goroutine of cells owns it
	current current
}

// current is the cell that runs.
type current struct {
	mu   sync.Mutex
	run  *run  // nil: none
	left []int // process groups that cells have left behind
}

func main() {
	if len(os.Args) > 1 { // anything: it takes no arguments from a kernel
		fmt.Println("gonb-engine of GoNB", version.AppVersion.Version)
		return
	}
	flags := flag.NewFlagSet("klog", flag.ContinueOnError) // GoNB's log says nothing to a person
	klog.InitFlags(flags)
	flags.Set("logtostderr", "false")
	flags.Set("stderrthreshold", "FATAL")
	klog.SetOutput(io.Discard)
	e := &engine{cells: make(chan *run, 1)}
	err := e.serve()
	e.end()
	if err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintf(os.Stderr, "engine: %v\n", err)
		os.Exit(1)
	}
}

// socket is where the kernel's socket is found.
const socket = 3

// serve does what the kernel says until the kernel is gone.
func (e *engine) serve() error {
	syscall.CloseOnExec(socket)
	file := os.NewFile(socket, "kernel")
	conn, err := net.FileConn(file)
	if err != nil {
		return fmt.Errorf("no socket: a kernel starts this program: %w", err)
	}
	file.Close()
	e.conn = wire.NewConn(conn)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		conn.Close()
	}()
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // programs do not inherit that it is caught
	kind, content, err := e.conn.Receive()
	if err != nil {
		return err
	}
	if kind != wire.KindBegin {
		return fmt.Errorf("began with a frame of kind %d", kind)
	}
	if err := json.Unmarshal(content, &e.begin); err != nil {
		return err
	}
	if err := e.prepare(); err != nil {
		return err
	}
	go e.runCells()
	for {
		kind, content, err := e.conn.Receive()
		if err == nil {
			err = e.handle(kind, content)
		}
		if err != nil {
			return err
		}
	}
}

// prepare makes what cells need, and says so.
func (e *engine) prepare() (err error) {
	if e.stdout, err = newPrinted(func(text []byte) { e.conn.SendBytes(wire.KindStdout, text) }); err != nil {
		return err
	}
	if e.stderr, err = newPrinted(func(text []byte) { e.conn.SendBytes(wire.KindStderr, text) }); err != nil {
		return err
	}
	e.state = goexec.Detached(e.begin.ID, e.begin.Dir)
	e.state.AutoGet = e.begin.FetchFirst
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	environment := map[string]string{
		protocol.GONB_DIR_ENV: here, protocol.GONB_TMP_DIR_ENV: e.begin.Dir, protocol.GONB_VERSION: version.AppVersion.Version,
		protocol.GONB_GIT_COMMIT: cmp.Or(version.AppVersion.Commit, version.GitCommitHash), protocol.GONB_JUPYTER_KERNEL_ID_ENV: e.begin.KernelID,
	}
	if root, err := goexec.JupyterRootDirectory(); err == nil {
		environment[protocol.GONB_JUPYTER_ROOT_ENV] = root
	}
	for name, value := range environment {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	if err := e.pinModule(); err != nil {
		return err
	}
	info := &page{e: e}
	if err := kernel.SendKernelInfo(info, "0.1.0"); err != nil {
		return err
	}
	return e.conn.Send(wire.KindReady, wire.Ready{Info: info.replied, Help: specialcmd.HelpMessage})
}

// pinModule gives the module of cells what it begins with, at the start and after each %reset.
func (e *engine) pinModule() error {
	if e.begin.Module == "" {
		return e.state.GoModInit()
	}
	for _, name := range []string{"go.sum", "go.mod"} {
		text, err := os.ReadFile(filepath.Join(e.begin.Module, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(e.begin.Dir, name), text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gonbModule is what the module of cells has the engine's copy for.
const gonbModule = "github.com/janpfeifer/gonb"

// fixWorkspace carries out %goworkfix, which is to find GoNB's module as a user knows it: with the engine's copy in its place
// only where no other comes.
func (r *run) fixWorkspace(fix func() error) error {
	path := filepath.Join(r.e.begin.Dir, "go.mod")
	text, err := os.ReadFile(path)
	copied := gonbModule + " => " + r.e.begin.Copy + "\n"
	if err != nil || r.e.begin.Copy == "" || !strings.Contains(string(text), copied) {
		return fix()
	}
	edit := func(flag string) {
		if said, err := r.tool(nil, r.e.begin.Go, "mod", "edit", flag); err != nil {
			r.e.stderr.say(string(said))
		}
	}
	edit("-dropreplace=" + gonbModule)
	err = fix()
	if text, failed := os.ReadFile(path); failed == nil && !strings.Contains(string(text), gonbModule+" => ") {
		edit("-replace=" + gonbModule + "=" + r.e.begin.Copy)
	}
	return err
}

// handle does what a frame says.
func (e *engine) handle(kind wire.Kind, content []byte) error {
	switch kind {
	case wire.KindRun:
		return wire.Read(content, func(c wire.Cell) error {
			r := &run{e: e, cell: c, done: wire.Done{Cell: c.ID, Line: -1}}
			if !e.current.take(r) { // now, so that what comes next can stop it
				return fmt.Errorf("cell %d comes before the one before it is done", c.ID)
			}
			e.cells <- r
			return nil
		})
	case wire.KindInterrupt, wire.KindKill:
		return wire.Read(content, func(s wire.Stop) error {
			if r := e.running(s.Cell); r != nil {
				r.stop(kind == wire.KindKill)
			}
			return nil
		})
	case wire.KindAnswer:
		return wire.Read(content, func(a wire.Answer) error {
			if r := e.running(a.Cell); r != nil {
				r.answer(a.Text)
			}
			return nil
		})
	case wire.KindFromPage:
		return wire.Read(content, func(c wire.Comm) error {
			go e.fromPage(c)
			return nil
		})
	}
	return fmt.Errorf("a frame of kind %d", kind)
}

// running returns the run of a cell, or nil if that one does not run.
func (e *engine) running(cell int) *run {
	if r := e.current.get(); r != nil && r.cell.ID == cell {
		return r
	}
	return nil
}

// take makes a cell the one that runs. It returns false while another is.
func (c *current) take(r *run) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != nil {
		return false
	}
	c.run = r
	return true
}

// over says that none runs, and that some of its process groups are left.
func (c *current) over(left []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run = nil
	c.left = append(slices.DeleteFunc(c.left, isGone), left...)
}

func (c *current) get() *run {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.run
}

// isGone tells whether nothing of a process group is left.
func isGone(group int) bool { return syscall.Kill(-group, 0) != nil }

// endPatience is how long all that cells have started may take to end in order when the engine does.
const endPatience = time.Second

// end asks all that cells have started to end, and ends what does not.
func (e *engine) end() {
	e.current.mu.Lock()
	groups := e.current.left
	if r := e.current.run; r != nil {
		groups = append(groups, r.halt()...)
	}
	e.current.mu.Unlock()
	for _, group := range groups {
		syscall.Kill(-group, syscall.SIGTERM)
	}
	for deadline := time.Now().Add(endPatience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if groups = slices.DeleteFunc(groups, isGone); len(groups) == 0 {
			return
		}
	}
	for _, group := range groups {
		syscall.Kill(-group, syscall.SIGKILL)
	}
}
