//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gantry.local/kernel-ext/engine"
	"gantry.local/kernel-ext/internal/frontend"
)

// connection is the content of a connection file.
type connection struct {
	Transport string `json:"transport"`
	IP        string `json:"ip"`
	Key       string `json:"key"`
	Scheme    string `json:"signature_scheme"`
	Shell     int    `json:"shell_port"`
	IOPub     int    `json:"iopub_port"`
	Stdin     int    `json:"stdin_port"`
	Control   int    `json:"control_port"`
	Heartbeat int    `json:"hb_port"`
}

// address is where a socket listens.
func (c connection) address(port int) (network, address string) {
	if c.Transport == "ipc" {
		return "unix", fmt.Sprintf("%s-%d", c.IP, port)
	}
	return "tcp", fmt.Sprintf("%s:%d", c.IP, port)
}

// notebook keeps a kernel as Jupyter does: it starts it anew, with the same connection file, when it has ended.
type notebook struct {
	*world
	name, transport string
	faults          []kernelFault

	rnd        *rand.Rand
	file       string
	connection connection
	starts     int
	command    *exec.Cmd
	exited     chan struct{}
	pid        atomic.Int64 // of the kernel that lives
	ordered    atomic.Bool  // it is to end
	client     *frontend.Client
	cells      int
}

// kernelFault is what may befall a kernel.
type kernelFault struct {
	kind   string
	weight int
	do     func(n *notebook, ctx context.Context) error
}

// restless kernels end now and then, and steady ones never.
func restless() []kernelFault {
	return append(steady(), []kernelFault{
		{"kernel killed (kill -9)", 4, (*notebook).killed},
		{"kernel told to terminate", 2, (*notebook).terminated},
		{"engine killed", 2, (*notebook).engineKilled},
	}...)
}

func steady() []kernelFault {
	return []kernelFault{
		{"kernel stopped and continued", 2, (*notebook).stopped},
		{"cell interrupted", 2, (*notebook).interrupted},
		{"cell killed", 1, (*notebook).cellKilled},
		{"client of a kernel gone in mid-cell", 2, (*notebook).clientGone},
		{"hostile peers of a kernel's ports", 4, (*notebook).hostilePorts},
		{"hostile peers of a kernel's channel", 3, (*notebook).hostileChannel},
	}
}

// orderly kernels do nothing but run cells.
func orderly() []kernelFault {
	return []kernelFault{{"hundred cells in a row that print and show in turn", 1, (*notebook).inTurn}}
}

func (n *notebook) act(ctx context.Context, rnd *rand.Rand) {
	n.rnd = rnd
	if err := errors.Join(n.writeConnection(), n.start(), n.connect()); err != nil {
		n.ledger.broke("kernel %s: %v", n.name, err)
		return
	}
	for ctx.Err() == nil {
		f := choose(n.rnd, n.faults, func(f kernelFault) int { return f.weight })
		n.ledger.fault(f.kind)
		err := f.do(n, ctx)
		if err == nil {
			err = n.cell()
		}
		if err != nil {
			n.ledger.broke("kernel %s: %s: %v", n.name, f.kind, err)
			if err := n.anew(); err != nil {
				n.ledger.broke("kernel %s cannot be started again: %v", n.name, err)
				return
			}
		}
		pause(ctx, 100+n.rnd.IntN(900))
	}
}

func choose[F any](rnd *rand.Rand, faults []F, weight func(F) int) F {
	sum := 0
	for _, f := range faults {
		sum += weight(f)
	}
	at := rnd.IntN(sum)
	for _, f := range faults {
		if at -= weight(f); at < 0 {
			return f
		}
	}
	return faults[0]
}

func (n *notebook) writeConnection() error {
	n.file = filepath.Join(n.place.jupyter, "kernel-"+n.name+".json")
	c := connection{Transport: n.transport, IP: "127.0.0.1", Key: fmt.Sprintf("key-%d", n.rnd.Uint64()), Scheme: "hmac-sha256",
		Shell: 1, IOPub: 2, Stdin: 3, Control: 4, Heartbeat: 5}
	if n.transport == "ipc" {
		c.IP = filepath.Join(n.place.jupyter, n.name+"-ipc")
	} else {
		for _, port := range []*int{&c.Shell, &c.IOPub, &c.Stdin, &c.Control, &c.Heartbeat} {
			for *port < 10_000 {
				candidate := 10_000 + n.rnd.IntN(20_000) // not those that the system gives to others meanwhile
				if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", candidate)); err == nil {
					l.Close()
					*port = candidate
				}
			}
		}
	}
	n.connection = c
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(n.file, text, 0o600)
}

// mark is in the environment of a kernel and all that it starts.
func (n *notebook) mark() string { return fmt.Sprintf("GANTRY_SOAK_KERNEL=%s-%d", n.name, n.starts) }

func (n *notebook) start() error {
	n.starts++
	n.ordered.Store(false)
	args := make([]string, len(n.place.kernel))
	for i, arg := range n.place.kernel {
		args[i] = strings.ReplaceAll(arg, "{connection_file}", n.file)
	}
	log, err := os.OpenFile(filepath.Join(n.place.dir, "kernel-"+n.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n.command = exec.Command(args[0], args[1:]...)
	n.command.Env = append(n.place.environ, n.mark())
	n.command.Stdout, n.command.Stderr = log, log
	n.command.Dir = n.place.dir
	n.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = n.command.Start()
	log.Close()
	if err != nil {
		return err
	}
	n.pid.Store(int64(n.command.Process.Pid))
	exited := make(chan struct{})
	n.exited = exited
	go func(command *exec.Cmd) {
		err := command.Wait()
		n.pid.Store(0)
		if !n.ordered.Load() {
			n.ledger.broke("kernel %s died and nobody had asked it to: %v; its log is %s", n.name, err, log.Name())
		}
		close(exited)
	}(n.command)
	return nil
}

func (n *notebook) connect() error {
	return n.ledger.timed("connect to a kernel", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c, err := frontend.Connect(ctx, n.file)
		n.client = c
		return err
	})
}

// run runs a cell to its end.
func (n *notebook) run(call, code string) (frontend.Execution, error) {
	var cell frontend.Execution
	err := n.ledger.within(stepsPatience, call, func() (err error) { cell, err = n.client.Run(context.Background(), code); return err })
	return cell, err
}

// cell wants an ordinary cell to say what it should.
func (n *notebook) cell() error {
	n.cells++
	want := fmt.Sprintf("cell %d of kernel %s", n.cells, n.name)
	got, err := n.run("cell", "%%\nfmt.Println(\""+want+"\")")
	if err != nil {
		return fmt.Errorf("the cell after it: %w", err)
	}
	if !strings.Contains(got.Output, want) {
		return fmt.Errorf("the cell after it printed %q", got.Output)
	}
	return nil
}

// inTurn runs small cells, one right behind the other, that print and show in turn, and wants all of it in order.
func (n *notebook) inTurn(ctx context.Context) error {
	for cell := 0; cell < 100 && ctx.Err() == nil; cell++ {
		var want strings.Builder
		for turn := range 3 {
			fmt.Fprintf(&want, "said %d %d\nshown %d %d", cell, turn, cell, turn)
		}
		got, err := n.run("cell that prints and shows in turn", fmt.Sprintf("import \"github.com/janpfeifer/gonb/gonbui\"\n%%%%\n"+
			"for turn := range 3 {\n\tfmt.Println(\"said\", %d, turn)\n\tgonbui.DisplayHTML(fmt.Sprint(\"shown \", %d, \" \", turn))\n}", cell, cell))
		if err == nil && got.Page != want.String() {
			err = fmt.Errorf("the page has %q", got.Page)
		}
		if err != nil {
			return fmt.Errorf("cell %d: %w", cell, err)
		}
	}
	return nil
}

// end has the kernel end, and waits for it.
func (n *notebook) end(signal syscall.Signal) error {
	n.ordered.Store(true)
	if n.client != nil {
		n.client.Close()
		n.client = nil
	}
	if n.command == nil {
		return nil
	}
	n.command.Process.Signal(signal)
	return n.ledger.timed("end of a kernel", func() error { <-n.exited; return nil })
}

// anew replaces a kernel that broke an assertion.
func (n *notebook) anew() error {
	return errors.Join(n.end(syscall.SIGKILL), n.start(), n.connect())
}

// again starts the kernel anew, as Jupyter does at once, and wants what the former one left to be gone soon.
func (n *notebook) again() error {
	former := n.mark()
	if err := errors.Join(n.start(), n.connect()); err != nil {
		return fmt.Errorf("the next kernel: %w", err)
	}
	for deadline := time.Now().Add(endPatience); ; time.Sleep(50 * time.Millisecond) {
		left := marked(former)
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("of the kernel before these live after %s: %v", endPatience, left)
		}
	}
}

// marked are the processes with a word in their environment.
func marked(word string) (found []string) {
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil
	}
	for _, path := range environments {
		if text, err := os.ReadFile(path); err == nil && bytes.Contains(append(text, 0), []byte(word+"\x00")) {
			name, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "comm"))
			found = append(found, filepath.Base(filepath.Dir(path))+" "+strings.TrimSpace(string(name)))
		}
	}
	return found
}

func (n *notebook) killed(context.Context) error {
	if err := n.end(syscall.SIGKILL); err != nil {
		return err
	}
	return n.again()
}

func (n *notebook) terminated(context.Context) error {
	if err := n.end(syscall.SIGTERM); err != nil {
		return err
	}
	return n.again()
}

func (n *notebook) engineKilled(context.Context) error {
	n.ordered.Store(true)
	for _, process := range marked(n.mark()) {
		var pid int
		var name string
		if _, err := fmt.Sscan(process, &pid, &name); err == nil && name == engine.Program {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if err := n.ledger.timed("end of a kernel", func() error { <-n.exited; return nil }); err != nil {
		return err
	}
	n.client.Close()
	return n.again()
}

func (n *notebook) stopped(ctx context.Context) error {
	n.command.Process.Signal(syscall.SIGSTOP)
	pause(ctx, 200+n.rnd.IntN(1500))
	n.command.Process.Signal(syscall.SIGCONT)
	return nil
}

// interrupted interrupts a cell in one of its phases.
func (n *notebook) interrupted(ctx context.Context) error {
	ended := make(chan error, 1)
	client := n.client
	go func() {
		_, err := client.Run(context.Background(), "%%\ntime.Sleep(time.Hour)")
		ended <- err
	}()
	pause(ctx, 50+n.rnd.IntN(1200))
	n.command.Process.Signal(os.Interrupt)
	err := n.ledger.timed("interrupt of a cell", func() error { return <-ended })
	if err == nil {
		return errors.New("a cell of an hour ended well")
	}
	if errors.Is(err, errLate) {
		return fmt.Errorf("the interrupt: %w", err)
	}
	return nil
}

func (n *notebook) cellKilled(context.Context) error {
	how := []string{"syscall.Kill(os.Getpid(), syscall.SIGKILL)", "os.Exit(3)", "panic(\"soak\")"}[n.rnd.IntN(3)]
	_, err := n.run("cell that dies", "%%\n"+how)
	if err == nil {
		return errors.New("a cell that died ended well")
	}
	if errors.Is(err, errLate) {
		return err
	}
	return nil
}

// clientGone breaks off in the middle of a cell that prints much, and comes back.
func (n *notebook) clientGone(ctx context.Context) error {
	leaving := n.client
	var running sync.WaitGroup
	running.Go(func() {
		leaving.Run(ctx, "%%\nfor i := range 20000 {\n\tfmt.Println(\"line\", i)\n}")
	})
	pause(ctx, 100+n.rnd.IntN(700))
	leaving.Close()
	running.Wait()
	return n.connect()
}
