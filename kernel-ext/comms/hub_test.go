package comms

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/internal/framed"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/jupyter"
)

// desk is a hub without a kernel around it, and all that it has published.
type desk struct {
	*Hub
	t    *testing.T
	path string

	mu    sync.Mutex
	said  []*jupyter.Message
	more  chan struct{} // closed and made anew with each message
	stuck chan struct{} // what is published waits for it; nil: it does not
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	dir, err := os.MkdirTemp("", "gh-") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &desk{t: t, path: filepath.Join(dir, "k", channel.SocketFile), more: make(chan struct{})}
	d.Hub = NewHub(Kernel{
		Session: "kernel", Cell: func() json.RawMessage { return json.RawMessage(`{"msg_id":"cell"}`) }, Publish: d.publish,
		Reply: func(string, *jupyter.Message) {}, GoNB: func(*jupyter.Message, string, any) {}, Log: t.Logf, Complain: t.Logf,
		Done: t.Context().Done(),
	})
	if err := d.Open(d.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func (d *desk) publish(m *jupyter.Message) {
	d.mu.Lock()
	d.said = append(d.said, m)
	close(d.more)
	d.more = make(chan struct{})
	stuck := d.stuck
	d.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
}

// until waits for a message of this type and content among those published, and returns when it was there; it fails the test
// after patience.
func (d *desk) until(msgType, content string, patience time.Duration) time.Time {
	d.t.Helper()
	deadline := time.After(patience)
	for {
		d.mu.Lock()
		said, more := d.said, d.more
		d.mu.Unlock()
		for _, m := range said {
			if h, err := jupyter.DecodeHeader(m.Header); err == nil && h.MsgType == msgType && string(m.Content) == content {
				return time.Now()
			}
		}
		select {
		case <-more:
		case <-deadline:
			d.t.Fatalf("no %s %s within %s", msgType, content, patience)
		}
	}
}

// hear has the hub take a message of a front-end, and returns how long that took.
func (d *desk) hear(msgType string, content any) time.Duration {
	d.t.Helper()
	m := jupyter.NewMessage("front-end", msgType, nil, content)
	h, err := jupyter.DecodeHeader(m.Header)
	if err != nil {
		d.t.Fatal(err)
	}
	started := time.Now()
	if !d.Takes("shell", m, h) {
		d.t.Fatalf("the hub does not take %s", msgType)
	}
	return time.Since(started)
}

// owns has a process of this name that reads nothing own a comm.
func (d *desk) owns(name, comm string) net.Conn {
	d.t.Helper()
	conn, err := private.Dial(d.t.Context(), filepath.Dir(d.path), filepath.Base(d.path))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { conn.Close() })
	for _, frame := range []map[string]any{
		{"Kind": channel.Hello, "Content": channel.Greeting{Version: channel.Version, Name: name}},
		{"Kind": channel.Publish, "Type": "comm_open", "Content": map[string]string{"comm_id": comm, "target_name": "t"}},
	} {
		text, err := json.Marshal(frame)
		if err != nil {
			d.t.Fatal(err)
		}
		if err := framed.Write(conn, text); err != nil {
			d.t.Fatal(err)
		}
	}
	d.until("comm_open", `{"comm_id":"`+comm+`","target_name":"t"}`, 5*time.Second)
	return conn
}

// TestNobodyWaitsForAProcessThatReadsNothing says much to a process that has stopped. The shell's reader, which does that,
// must go on.
func TestNobodyWaitsForAProcessThatReadsNothing(t *testing.T) {
	d := newDesk(t)
	d.owns("stopped", "c")
	for range 6000 {
		took := d.hear("comm_msg", map[string]any{"comm_id": "c", "data": map[string]any{"method": "update"}})
		if took > time.Second {
			t.Fatalf("the shell's reader stands still for %s", took)
		}
	}
	if took := d.hear("comm_close", map[string]any{"comm_id": "c", "data": map[string]any{}}); took > time.Second {
		t.Fatalf("at a comm_close the shell's reader stands still for %s", took)
	}
}

// TestCloseWaitsForNoProcess ends the kernel for good with processes that take nothing, and while something is published that
// a front-end does not take. Jupyter kills a kernel that takes 5 s.
func TestCloseWaitsForNoProcess(t *testing.T) {
	d := newDesk(t)
	d.owns("stopped", "c")
	d.hear("comm_msg", map[string]any{"comm_id": "c", "data": map[string]any{"method": "update", "text": strings.Repeat("a", 4<<20)}})
	talker, err := channel.Dial(t.Context(), d.path)
	if err != nil {
		t.Fatal(err)
	}
	defer talker.Close()
	stuck := make(chan struct{})
	defer close(stuck)
	d.mu.Lock()
	d.stuck = stuck
	d.mu.Unlock()
	if err := talker.Send(channel.Message{Type: "stream", Content: json.RawMessage(`{"text":"stuck"}`)}); err != nil {
		t.Fatal(err)
	}
	d.until("stream", `{"text":"stuck"}`, 5*time.Second)
	d.Ending(false)
	started := time.Now()
	d.Close()
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("the end takes %s", took)
	}
	if _, err := talker.Receive(t.Context()); err != channel.ErrEnded {
		t.Errorf("a process that listens is told %v", err)
	}
}

// TestAWillWaitsAnewForWhoCameBack lets a process vanish, come back, and vanish again before the first wait is over.
func TestAWillWaitsAnewForWhoCameBack(t *testing.T) {
	d := newDesk(t)
	d.Hub.mu.Lock()
	d.orphaned = 500 * time.Millisecond
	d.Hub.mu.Unlock()
	const will = `{"text":"gone"}`
	vanish := func(comm string) time.Time {
		t.Helper()
		conn := d.owns("host", comm)
		text, err := json.Marshal(map[string]any{"Kind": channel.Will, "ID": "w", "Type": "stream", "Content": json.RawMessage(will)})
		if err == nil {
			err = framed.Write(conn, text)
		}
		if err != nil {
			t.Fatal(err)
		}
		d.awaits("a will", func() bool { return len(d.wills["host"]) > 0 })
		gone := time.Now()
		conn.Close()
		d.awaits("the process to be gone", func() bool { return len(d.peers) == 0 })
		return gone
	}
	first := vanish("c1")
	ctx, cancel := context.WithDeadline(t.Context(), first.Add(d.orphaned*3/4))
	defer cancel()
	<-ctx.Done() // most of the wait is over
	second := vanish("c2")
	if said := d.until("stream", will, 5*time.Second); said.Before(second.Add(d.orphaned)) {
		t.Errorf("the will is done %s after the process has gone for the second time", said.Sub(second))
	}
}

// awaits waits until something is so in the hub.
func (d *desk) awaits(what string, so func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		d.Hub.mu.Lock()
		ok := so()
		d.Hub.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("no %s", what)
		}
	}
}
