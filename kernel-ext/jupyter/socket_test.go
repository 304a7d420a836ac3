package jupyter

import (
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"gantry.local/kernel-ext/jupyter/zmtp"
)

func listenForTest(t *testing.T, kind zmtp.Kind, receive func(*Socket, [][]byte)) (*Socket, string) {
	t.Helper()
	endpoint := "ipc://" + filepath.Join(t.TempDir(), "s")
	s, err := Listen(kind, endpoint, &Logger{To: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	s.patience = 500 * time.Millisecond
	s.Serve(func(frames [][]byte, trust func()) {
		trust()
		receive(s, frames)
	})
	t.Cleanup(func() { s.Close(0) })
	return s, endpoint
}

func dialForTest(t *testing.T, kind zmtp.Kind, endpoint, identity string) *Link {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	l, err := Dial(ctx, kind, endpoint, identity)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func echo(s *Socket, frames [][]byte) { s.Send(frames) }

func TestRouterKeepsBinaryFramesAndPeersApart(t *testing.T) {
	_, endpoint := listenForTest(t, zmtp.Router, echo)
	for _, identity := range []string{"a", "", ""} { // two that leave their identity to the router
		l := dialForTest(t, zmtp.Dealer, endpoint, identity)
		sent := [][]byte{{}, {0, 1, 255}, bytes.Repeat([]byte{7}, 1<<20), []byte(identity + NewID())}
		if err := l.Send(sent); err != nil {
			t.Fatal(err)
		}
		got, err := l.Receive()
		if err != nil {
			t.Fatal(err)
		}
		for i := range max(len(sent), len(got)) {
			if len(sent) != len(got) || !bytes.Equal(sent[i], got[i]) {
				t.Fatalf("frames differ at %d of %d and %d", i, len(sent), len(got))
			}
		}
	}
}

func TestASilentConnectionKeepsNobodyOut(t *testing.T) {
	_, endpoint := listenForTest(t, zmtp.Router, echo)
	_, address, err := splitEndpoint(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Dial("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	l := dialForTest(t, zmtp.Dealer, endpoint, "a")
	if err := l.Send([][]byte{[]byte("hello")}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Receive(); err != nil {
		t.Fatal(err)
	}
}

func TestRouterToAGonePeerDoesNotBlock(t *testing.T) {
	s, _ := listenForTest(t, zmtp.Router, echo)
	for range 2 * peerQueue {
		s.Send([][]byte{[]byte("nobody"), []byte("x")})
	}
}

// TestASubscriberThatStopsReadingIsCutOff checks that the others get everything meanwhile.
func TestASubscriberThatStopsReadingIsCutOff(t *testing.T) {
	for name, test := range map[string]struct{ messages, size int }{ // more than the queue and the operating system take
		"many messages": {peerQueue + 2000, 4096},
		"many bytes":    {peerBytes>>20 + 16, 1 << 20},
	} {
		t.Run(name, func(t *testing.T) { cutOff(t, test.messages, test.size) })
	}
}

func cutOff(t *testing.T, messages, size int) {
	s, endpoint := listenForTest(t, zmtp.Pub, echo)
	subscribe := func() *Link {
		l := dialForTest(t, zmtp.Sub, endpoint, "")
		if err := l.Subscribe(); err != nil {
			t.Fatal(err)
		}
		return l
	}
	stopped, reader := subscribe(), subscribe()
	both := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		n := 0
		for p := range s.peers {
			if p.subscribed([]byte("x")) {
				n++
			}
		}
		return n == 2
	}
	for deadline := time.Now().Add(5 * time.Second); !both(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no subscription")
		}
	}

	read := make(chan error, 1)
	go func() {
		for range messages {
			if _, err := reader.Receive(); err != nil {
				read <- err
				return
			}
		}
		read <- nil
	}()
	body := make([]byte, size)
	for range messages {
		s.Send([][]byte{[]byte("x"), body})
	}
	if err := <-read; err != nil {
		t.Errorf("the subscriber that reads: %v", err)
	}
	for {
		if _, err := stopped.Receive(); err != nil {
			return // cut off, after what was on its way
		}
	}
}

func TestWrongSignaturesAndTornMessagesAreRefused(t *testing.T) {
	good := Signer{[]byte("key")}
	m := NewMessage("s", "status", nil, map[string]string{"a": "b"})
	m.Identities, m.Buffers = [][]byte{[]byte("i")}, [][]byte{{0}, {}}
	frames := good.Frames(m)
	if got, err := good.Parse(frames); err != nil || len(got.Buffers) != 2 || len(got.Identities) != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	for name, refuse := range map[string]func() error{
		"another key":   func() error { _, err := Signer{[]byte("other")}.Parse(frames); return err },
		"no delimiter":  func() error { _, err := good.Parse(frames[2:]); return err },
		"missing parts": func() error { _, err := good.Parse(frames[:5]); return err },
		"no frames":     func() error { _, err := good.Parse(nil); return err },
		"changed content": func() error {
			frames[6] = []byte(`{"a": "c"}`)
			_, err := good.Parse(frames)
			return err
		},
	} {
		if refuse() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
