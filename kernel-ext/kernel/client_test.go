package kernel

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
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/engine"
	"gantry.local/kernel-ext/internal/racing"
	"gantry.local/kernel-ext/jupyter"
	"gantry.local/kernel-ext/jupyter/zmtp"
)

// serveVariable makes the test binary a kernel: its value is the connection file. A kernel must be a process of its
// own here, because tests kill it.
const serveVariable = "GANTRY_TEST_CONNECTION"

func TestMain(m *testing.M) {
	file := os.Getenv(serveVariable)
	if file == "" {
		os.Exit(m.Run())
	}
	c := Config{ConnectionFile: file, Engine: os.Getenv("GANTRY_TEST_ENGINE"), Project: os.Getenv("GANTRY_TEST_PROJECT"),
		Gantry: os.Getenv("GANTRY_TEST_GANTRY"), Ahead: os.Getenv("GANTRY_TEST_AHEAD") != ""}
	if err := Serve(context.Background(), c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// kernelID is what Jupyter puts into the name of a connection file.
const kernelID = "00000000-0000-0000-0000-000000000000"

func projectRoot(t testing.TB) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// enginePath finds what set-up installs.
func enginePath(t testing.TB) string {
	t.Helper()
	bin := os.Getenv("GANTRY_BIN")
	if bin == "" {
		bin = filepath.Join(projectRoot(t), "bin")
	}
	for _, tool := range []string{engine.Program, "goimports"} {
		if _, err := os.Stat(filepath.Join(bin, tool)); err != nil {
			t.Fatalf("%s is missing: run make setup", tool)
		}
	}
	return filepath.Join(bin, engine.Program)
}

// backend is the GOMLX_BACKEND of the cells.
func backend(t testing.TB) string {
	t.Helper()
	if b := os.Getenv("GOMLX_BACKEND"); b != "" {
		return b
	}
	const plugin = ".venv/lib/python3*/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so"
	found, err := filepath.Glob(filepath.Join(projectRoot(t), plugin))
	if err != nil || len(found) == 0 {
		t.Fatal("the XLA plugin is missing: run make setup")
	}
	return "xla:" + found[0]
}

// client is a front-end on the wire, and the kernel it started.
type client struct {
	t                            testing.TB
	signer                       jupyter.Signer
	session, identity            string
	connection                   jupyter.Connection
	shell, control, stdin, iopub *readAhead

	process *exec.Cmd
	exited  chan struct{}
	log     *bytes.Buffer // complete once exited is closed
	temp    string        // TMPDIR of the kernel
	file    string        // its connection file
	started time.Time
}

// readAhead is one connected socket, read ahead.
type readAhead struct {
	*jupyter.Link
	c chan [][]byte
}

// startKernel starts this package's kernel, with extra environment.
func startKernel(t testing.TB, env ...string) *client {
	t.Helper()
	return startKernelOver(t, "tcp", env...)
}

// startKernelOver does so with the sockets of a transport, tcp or ipc.
func startKernelOver(t testing.TB, transport string, env ...string) *client {
	t.Helper()
	return start(t, transport, exec.Command(os.Args[0]), kernelEnvironment(t, env...))
}

func kernelEnvironment(t testing.TB, env ...string) func(file string) []string {
	return func(file string) []string {
		return append([]string{
			serveVariable + "=" + file, "GANTRY_TEST_ENGINE=" + enginePath(t), "GANTRY_TEST_PROJECT=" + projectRoot(t),
			"GOPROXY=off", "GOEXPERIMENT=simd", "XDG_STATE_HOME=" + t.TempDir(),
		}, env...)
	}
}

func start(t testing.TB, transport string, command *exec.Cmd, env func(file string) []string) *client {
	t.Helper()
	c := launch(t, transport, command, env)
	c.connect()
	return c
}

// launch starts a kernel and does not wait until it can be spoken to.
func launch(t testing.TB, transport string, command *exec.Cmd, env func(file string) []string) *client {
	t.Helper()
	temp, err := os.MkdirTemp("", "gk-") // short: Unix socket paths are limited to 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	info := jupyter.Connection{Transport: transport, IP: "127.0.0.1", Key: jupyter.NewID(), SignatureScheme: "hmac-sha256"}
	for i, port := range []*int{&info.Shell, &info.IOPub, &info.Stdin, &info.Control, &info.Heartbeat} {
		if *port = i + 1; transport == "tcp" {
			*port = freePort(t)
		}
	}
	if transport == "ipc" {
		info.IP = filepath.Join(t.TempDir(), "made-by-the-kernel", "k")
	}
	text, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kernel-"+kernelID+".json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c := &client{
		t: t, signer: jupyter.Signer{Key: []byte(info.Key)}, session: jupyter.NewID(), identity: "client-" + jupyter.NewID()[:8], connection: info,
		process: command, exited: make(chan struct{}), log: &bytes.Buffer{}, temp: temp, file: file,
	}
	command.Env = append(append(os.Environ(), "TMPDIR="+temp), env(file)...)
	for i, arg := range command.Args {
		if arg == "{connection_file}" {
			command.Args[i] = file
		}
	}
	command.Stdout, command.Stderr = c.log, c.log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.started = time.Now()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		command.Wait()
		close(c.exited)
	}()
	t.Cleanup(c.stop)
	return c
}

// freePort finds a port for a kernel that will listen at it a little later. Those that the system gives out itself are of
// no use: it would give them to others meanwhile.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10_000 + rand.IntN(20_000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port among 100")
	return 0
}

func (c *client) connect() {
	c.t.Helper()
	c.iopub = c.dial(zmtp.Sub, c.connection.IOPub)
	if err := c.iopub.Subscribe(); err != nil {
		c.t.Fatal(err)
	}
	c.shell = c.dial(zmtp.Dealer, c.connection.Shell)
	c.control = c.dial(zmtp.Dealer, c.connection.Control)
	c.stdin = c.dial(zmtp.Dealer, c.connection.Stdin)
}

func (c *client) dial(kind zmtp.Kind, port int) *readAhead {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*second)
	defer cancel()
	l, err := jupyter.Dial(ctx, kind, c.connection.Endpoint(port), c.identity)
	if err != nil {
		c.t.Fatalf("%v\n%s", err, c.log)
	}
	ch := &readAhead{Link: l, c: make(chan [][]byte, 10000)}
	go func() {
		defer close(ch.c)
		for {
			frames, err := l.Receive()
			if err != nil {
				return
			}
			ch.c <- frames
		}
	}()
	return ch
}

// stop ends the kernel if it still runs, and removes its folder.
func (c *client) stop() {
	for _, l := range []*readAhead{c.shell, c.control, c.stdin, c.iopub} {
		if l != nil {
			l.Close()
		}
	}
	select {
	case <-c.exited:
	default:
		c.process.Process.Signal(syscall.SIGTERM)
		select {
		case <-c.exited:
		case <-time.After(10 * second):
			engine.KillSession(c.process.Process.Pid)
			c.t.Error("the kernel did not stop within 10 s of SIGTERM")
		}
	}
	if c.t.Failed() {
		c.t.Logf("kernel log:\n%s", c.log)
	}
	os.RemoveAll(c.temp)
}

// send sends a request and returns its message id.
func (c *client) send(to *readAhead, msgType string, content any) string {
	c.t.Helper()
	m := jupyter.NewMessage(c.session, msgType, nil, content)
	if err := to.Send(c.signer.Frames(m)); err != nil {
		c.t.Fatal(err)
	}
	h, _ := jupyter.DecodeHeader(m.Header)
	return h.MsgID
}

// received is a message from the kernel.
type received struct {
	*jupyter.Message
	header, parent jupyter.Header
	content        map[string]any
}

// next waits for the next message of a socket that want accepts; others are passed over.
func (c *client) next(from *readAhead, patience time.Duration, what string, want func(r received) bool) received {
	c.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case frames, ok := <-from.c:
			if !ok {
				c.t.Fatalf("connection lost while waiting for %s", what)
			}
			if r := c.read(frames); want(r) {
				return r
			}
		case <-timeout:
			c.t.Fatalf("no %s within %s", what, patience)
		}
	}
}

// overtaken waits for the reply to a request that others may overtake; those are left for who waits for them.
func (c *client) overtaken(on *readAhead, id, msgType string) received {
	c.t.Helper()
	var early []received
	reply := c.next(on, cellPatience, msgType, func(r received) bool {
		if answers(id, msgType)(r) {
			return true
		}
		early = append(early, r)
		return false
	})
	for _, r := range early {
		on.c <- c.signer.Frames(r.Message)
	}
	return reply
}

func (c *client) read(frames [][]byte) received {
	c.t.Helper()
	m, err := c.signer.Parse(frames)
	if err != nil {
		c.t.Fatal(err)
	}
	r := received{Message: m}
	var headErr, parentErr error
	r.header, headErr = jupyter.DecodeHeader(m.Header)
	r.parent, parentErr = jupyter.DecodeHeader(m.Parent)
	if err := errors.Join(headErr, parentErr, json.Unmarshal(m.Content, &r.content)); err != nil {
		c.t.Fatal(err)
	}
	return r
}

func ofType(msgType string) func(received) bool {
	return func(r received) bool { return r.header.MsgType == msgType }
}

func answers(id, msgType string) func(received) bool {
	return func(r received) bool { return r.parent.MsgID == id && r.header.MsgType == msgType }
}

// result is what a cell came to.
type result struct {
	status         string
	evalue         string
	stdout, stderr string
	data           []map[string]any // of display_data
	values         []map[string]any // of execute_result: its whole content
	order          []string         // types of the messages on iopub, states instead of status
	count          any              // execution_count of the reply
	payload        any              // of the reply
}

const (
	second       = racing.Slower * time.Second // in which what is to be quick is counted
	cellPatience = 60 * second                 // a first cell in a cold build cache
)

// execute sends a cell.
func (c *client) execute(code string) string {
	c.t.Helper()
	return c.send(c.shell, "execute_request", map[string]any{
		"code": code, "silent": false, "store_history": true, "user_expressions": map[string]any{},
		"allow_stdin": true, "stop_on_error": true,
	})
}

// run executes a cell and waits for its end.
func (c *client) run(code string) result {
	c.t.Helper()
	return c.finish(c.execute(code))
}

// finish waits for the end of a cell.
func (c *client) finish(id string) result {
	c.t.Helper()
	var r result
	c.next(c.iopub, cellPatience, "idle state", func(m received) bool {
		if m.parent.MsgID != id {
			return false
		}
		if state, ok := m.content["execution_state"].(string); ok {
			r.order = append(r.order, state)
		} else {
			r.order = append(r.order, m.header.MsgType)
		}
		switch m.header.MsgType {
		case "execute_result":
			r.values = append(r.values, m.content)
		case "stream":
			if m.content["name"] == "stdout" {
				r.stdout += m.content["text"].(string)
			} else {
				r.stderr += m.content["text"].(string)
			}
		case "display_data":
			r.data = append(r.data, m.content["data"].(map[string]any))
		case "status":
			return m.content["execution_state"] == "idle"
		}
		return false
	})
	reply := c.next(c.shell, cellPatience, "execute_reply", answers(id, "execute_reply"))
	r.status = reply.content["status"].(string)
	r.count = reply.content["execution_count"]
	r.payload = reply.content["payload"]
	if r.status != "ok" {
		r.evalue = fmt.Sprint(reply.content["ename"], ": ", reply.content["evalue"], reply.content["traceback"])
	}
	return r
}

// mustRun fails the test unless the cell succeeds and prints want.
func (c *client) mustRun(code, want string) {
	c.t.Helper()
	if r := c.run(code); r.status != "ok" || !strings.Contains(r.stdout, want) {
		c.t.Fatalf("cell:\n%s\n%+v\nwant output %q", code, r, want)
	}
}
