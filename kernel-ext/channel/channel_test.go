package channel

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"gantry.local/kernel-ext/internal/private"
)

const patience = 10 * time.Second

// socketPath is in a folder of its own, with a path short enough for a socket.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gc-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "k", SocketFile)
}

// listen opens a kernel's socket and greets those who come.
func listen(t *testing.T, path, kernel string) (peers chan *Peer, stop func()) {
	t.Helper()
	l, err := private.ListenAt(path)
	if err != nil {
		t.Fatal(err)
	}
	peers = make(chan *Peer, 10)
	var all []*Peer
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if p, err := Accept(conn, kernel, func() json.RawMessage { return json.RawMessage(`{"msg_id":"cell"}`) }); err == nil {
				all = append(all, p)
				peers <- p
			}
		}
	})
	stop = sync.OnceFunc(func() {
		l.Close()
		done.Wait()
		for _, p := range all {
			p.Close()
		}
	})
	t.Cleanup(stop)
	return peers, stop
}

func dial(t *testing.T, path string) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func expect(t *testing.T, p *Peer, kind Kind) Frame {
	t.Helper()
	p.conn.SetReadDeadline(time.Now().Add(patience))
	f, err := p.Receive()
	if err != nil || f.Kind != kind {
		t.Fatalf("got %q (%v), want %q", f.Kind, err, kind)
	}
	return f
}

func receive(t *testing.T, c *Conn, kind Kind) Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	f, err := c.Receive(ctx)
	if err != nil || f.Kind != kind {
		t.Fatalf("got %q (%v), want %q", f.Kind, err, kind)
	}
	return f
}

func TestFrames(t *testing.T) {
	for name, f := range map[string]Frame{
		"empty":                             {Kind: Flush},
		"longer than what is taken at once": {Kind: Publish, Message: Message{Buffers: [][]byte{bytes.Repeat([]byte("soak"), 1<<20), {7}}}},
		"full": {Kind: Publish, Message: Message{
			ID: "7", Type: "comm_msg", Parent: json.RawMessage(`{"a":1}`), Content: json.RawMessage(`{"é":[]}`),
			Metadata: json.RawMessage(`{}`), Buffers: [][]byte{{1, 2, 3}, {}, bytes.Repeat([]byte{9}, 100_000)},
		}},
	} {
		var wire bytes.Buffer
		if err := writeFrame(&wire, f); err != nil {
			t.Fatal(err)
		}
		if got, err := readFrame(&wire); err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("%s: %+v %v, want %+v", name, got, err, f)
		}
	}
	for name, f := range map[string]Frame{
		"no JSON":   {Message: Message{Content: json.RawMessage(`{`)}},
		"too large": {Message: Message{Buffers: [][]byte{make([]byte, largestFrame)}}},
		"too many":  {Message: Message{Buffers: make([][]byte, mostBuffers+1)}},
	} {
		var wire bytes.Buffer
		if err := writeFrame(&wire, f); err == nil || wire.Len() > 0 {
			t.Errorf("%s: error %v with %d bytes written, want an error before the first", name, err, wire.Len())
		}
	}
	framed := func(head string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(head))), head...)
	}
	for name, wire := range map[string][]byte{
		"head too large":   {255, 255, 255, 255},
		"head cut off":     {0, 0, 0, 9, '{'},
		"head not JSON":    framed("{"),
		"buffer too large": framed(`{"Sizes":[99999999999]}`),
		"buffers too many": framed(`{"Sizes":[60000000,60000000]}`),
		"negative buffer":  framed(`{"Sizes":[-1]}`),
		"buffer cut off":   framed(`{"Sizes":[3]}`),
		"too many buffers": framed(`{"Sizes":[` + strings.Repeat("0,", mostBuffers) + `0]}`),
	} {
		if f, err := readFrame(bytes.NewReader(wire)); err == nil {
			t.Errorf("%s: read as %+v", name, f)
		}
	}
}

func TestConversation(t *testing.T) {
	path := socketPath(t)
	peers, _ := listen(t, path, "one")
	c := dial(t, path)
	p := <-peers
	if string(c.Parent()) != `{"msg_id":"cell"}` || c.Away() != 0 {
		t.Errorf("parent %s, away %s", c.Parent(), c.Away())
	}
	sent := Message{Type: "comm_open", Content: json.RawMessage(`{"comm_id":"c","target_name":"t"}`), Buffers: [][]byte{{1}}}
	if err := c.Send(sent); err != nil {
		t.Fatal(err)
	}
	if f := expect(t, p, Publish); !reflect.DeepEqual(f.Message, sent) {
		t.Errorf("arrived as %+v", f)
	}
	p.Send(Frame{Kind: Comm, Message: Message{ID: "m", Type: "comm_msg", Content: json.RawMessage(`{}`)}})
	if f := receive(t, c, Comm); f.ID != "m" {
		t.Errorf("received %+v", f)
	}
	if err := c.Done("m"); err != nil {
		t.Fatal(err)
	}
	if f := expect(t, p, Done); f.ID != "m" {
		t.Errorf("done %q", f.ID)
	}
	flushed := make(chan error, 1)
	go func() { flushed <- c.Flush(t.Context()) }()
	f := expect(t, p, Flush)
	select {
	case err := <-flushed:
		t.Errorf("Flush returned before the kernel had answered: %v", err)
	default:
	}
	p.Send(Frame{Kind: Flushed, Message: f.Message})
	if err := <-flushed; err != nil {
		t.Error(err)
	}
	p.Send(Frame{Kind: End})
	if _, err := c.Receive(t.Context()); !errors.Is(err, ErrEnded) {
		t.Errorf("Receive from a kernel that has ended: %v", err)
	}
	if err := c.Send(sent); !errors.Is(err, ErrEnded) {
		t.Errorf("Send to a kernel that has ended: %v", err)
	}
}

func TestKernelThatComesBack(t *testing.T) {
	path := socketPath(t)
	peers, stop := listen(t, path, "one")
	c := dial(t, path)
	name := (<-peers).Name
	for id, m := range map[string]Message{
		"kept":      {Type: "comm_open", Content: json.RawMessage(`{"comm_id":"kept","target_name":"t"}`)},
		"closed":    {Type: "comm_open", Content: json.RawMessage(`{"comm_id":"closed","target_name":"t"}`)},
		"the close": {Type: "comm_close", Content: json.RawMessage(`{"comm_id":"closed"}`)},
	} {
		if m.Type != "comm_close" {
			if err := c.Send(m); err != nil {
				t.Fatal(id, err)
			}
		}
	}
	if err := c.Send(Message{Type: "comm_close", Content: json.RawMessage(`{"comm_id":"closed"}`)}); err != nil {
		t.Fatal(err)
	}
	if err := c.Will("w", Message{Type: "stream", Content: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	stop()
	deadline := time.Now().Add(patience)
	for c.Send(Message{Type: "stream"}) == nil {
		if time.Now().After(deadline) {
			t.Fatal("Send succeeds without a kernel")
		}
	}
	if err := c.Send(Message{Type: "stream"}); !errors.Is(err, ErrAway) {
		t.Errorf("Send without a kernel: %v", err)
	}
	for c.Away() == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the kernel is not noticed to be away")
		}
	}
	for _, kernel := range []string{"two", "two"} {
		restarted := "true"
		if kernel == c.kernel {
			restarted = "false"
		}
		peers, stop = listen(t, path, kernel)
		p := <-peers
		if p.Name != name || !reflect.DeepEqual(p.Comms, map[string]string{"kept": "t"}) {
			t.Errorf("%s came back as %s with the comms %v", name, p.Name, p.Comms)
		}
		if f := expect(t, p, Will); f.ID != "w" || f.Type != "stream" {
			t.Errorf("will %+v", f)
		}
		if f := receive(t, c, Return); string(f.Content) != restarted {
			t.Errorf("kernel %s: restarted is %s, want %s", kernel, f.Content, restarted)
		}
		if err := c.Send(Message{Type: "stream"}); err != nil {
			t.Errorf("Send to kernel %s: %v", kernel, err)
		}
		stop()
	}
}

func TestOtherVersionIsRefusedWithAReason(t *testing.T) {
	path := socketPath(t)
	listen(t, path, "one")
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := writeFrame(conn, Frame{Kind: Hello, Message: Message{Content: encode(Greeting{Version: Version + 1})}}); err != nil {
		t.Fatal(err)
	}
	f, err := readFrame(conn)
	if err != nil || f.Kind != Refusal || !strings.Contains(string(f.Content), "restart the kernel") {
		t.Errorf("answer %q %s %v, want a refusal that says what to do", f.Kind, f.Content, err)
	}

	// and a Conn that is refused says so, at once and for good
	refusing := socketPath(t)
	l, err := private.ListenAt(refusing)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := readFrame(conn); err == nil {
			writeFrame(conn, f)
		}
	}()
	if _, err := Dial(t.Context(), refusing); err == nil || !strings.Contains(err.Error(), "restart the kernel") {
		t.Errorf("Dial: %v", err)
	}
}

func TestDialWithoutAKernel(t *testing.T) {
	t.Setenv(Env, "")
	for path, want := range map[string]string{"": "notebook cell", filepath.Join(t.TempDir(), "s"): "no kernel listens"} {
		if _, err := Dial(t.Context(), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Dial(%q): %v, want %q", path, err, want)
		}
	}
	silent := socketPath(t)
	l, err := private.ListenAt(silent)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, silent); err == nil {
		t.Error("a kernel that says nothing is taken for one")
	}
}

func TestListenAt(t *testing.T) {
	path := socketPath(t)
	l, err := private.ListenAt(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := private.ListenAt(path); !errors.Is(err, private.ErrInUse) {
		t.Errorf("a living kernel's socket: %v", err)
	}
	l.Close()
	RemoveFolder(path)
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestPath(t *testing.T) {
	a, b := Path("/run/kernel-1.json"), Path("/run/kernel-2.json")
	if a == b || a != Path("/run/../run/kernel-1.json") {
		t.Errorf("paths %s and %s", a, b)
	}
	for _, temp := range []string{"/tmp", "/tmp/" + strings.Repeat("long", 30)} {
		t.Setenv("TMPDIR", temp)
		if p := Path("/run/kernel-1.json"); p != a || filepath.Dir(filepath.Dir(p)) != "/run" {
			t.Errorf("with TMPDIR=%s: %s, want %s, beside the connection file: anybody may make folders in a temporary folder", temp, p, a)
		}
	}
}

// TestProcessThatReadsNothing fills the queue of a process that has stopped. Nobody waits for it.
func TestProcessThatReadsNothing(t *testing.T) {
	path := socketPath(t)
	peers, _ := listen(t, path, "one")
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := writeFrame(conn, Frame{Kind: Hello, Message: Message{Content: encode(Greeting{Version: Version})}}); err != nil {
		t.Fatal(err)
	}
	p := <-peers
	big := Frame{Kind: Comm, Message: Message{Buffers: [][]byte{make([]byte, 1<<20)}}}
	started := time.Now()
	n := 0
	for p.Send(big) {
		if n++; n > 10*mostWaitingBytes>>20 {
			t.Fatal("a process that reads nothing takes all")
		}
	}
	if took := time.Since(started); took > time.Second {
		t.Errorf("given up after %s", took)
	}
	if _, err := p.Receive(); err == nil {
		t.Error("it is still connected")
	}
}
