package zmtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const patience = 10 * time.Second

// pair returns two connected ends of the operating system's: net.Pipe has no buffer, and a greeting needs one.
func pair(t testing.TB) (listening, connecting net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if connecting, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if listening, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listening.Close(); connecting.Close() })
	return listening, connecting
}

// meet opens both ends.
func meet(t testing.TB, a, b Kind, identity string) (listening, connecting *Conn) {
	t.Helper()
	x, y := pair(t)
	opened := make(chan error, 1)
	var err error
	go func() {
		var err error
		listening, err = Open(x, a, "", patience, nil)
		opened <- err
	}()
	connecting, err = Open(y, b, identity, patience, nil)
	if err := errors.Join(err, <-opened); err != nil {
		t.Fatal(err)
	}
	return listening, connecting
}

func TestFramesArriveAsTheyWereSent(t *testing.T) {
	router, dealer := meet(t, Router, Dealer, "me")
	if router.Peer != Dealer || router.Identity != "me" || dealer.Peer != Router || dealer.Identity != "" {
		t.Errorf("the router sees %s %q, the dealer %s %q", router.Peer, router.Identity, dealer.Peer, dealer.Identity)
	}
	var sent [][][]byte
	for _, size := range []int{0, 1, 255, 256, copiedWhenSent, copiedWhenSent + 1, firstPiece, firstPiece + 1, sentAtOnce, 3*sentAtOnce + 7} {
		whole := bytes.Repeat([]byte{byte(size), 0, 255}, size/3+1)[:size]
		sent = append(sent, [][]byte{whole}, [][]byte{{}, whole, {}}, [][]byte{whole, whole})
	}
	failed := make(chan error, 1)
	go func() { failed <- dealer.Send(sent...) }()
	for _, want := range sent {
		got, err := router.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("a message of %d frames, the first of %d bytes, arrives changed", len(want), len(want[0]))
		}
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

func TestSubscriptionsComeInOneForm(t *testing.T) {
	for _, commands := range []bool{true, false} { // version 3.1 and 3.0
		pub, sub := meet(t, Pub, Sub, "")
		if !sub.commands {
			t.Error("a peer of version 3.1 is taken for an older one")
		}
		sub.commands = commands
		if err := sub.Subscribe("topic"); err != nil {
			t.Fatal(err)
		}
		if got, err := pub.Receive(); err != nil || len(got) != 1 || string(got[0]) != "\x01topic" {
			t.Errorf("%q %v", got, err)
		}
		if err := sub.command(cancel, []byte("topic")); err != nil {
			t.Fatal(err)
		}
		if got, err := pub.Receive(); err != nil || len(got) != 1 || string(got[0]) != "\x00topic" {
			t.Errorf("%q %v", got, err)
		}
	}
}

func TestPingIsAnsweredWithItsContext(t *testing.T) {
	router, dealer := meet(t, Router, Dealer, "")
	go router.Receive()
	if err := dealer.command(ping, []byte("\x00\x0acontext")); err != nil {
		t.Fatal(err)
	}
	flags, size, err := dealer.frameHeader()
	if err != nil {
		t.Fatal(err)
	}
	if name, body, err := dealer.readCommand(flags, size); err != nil || name != pong || string(body) != "context" {
		t.Errorf("%s %q %v", name, body, err)
	}
}

// greetingOf is what a peer says first.
func greetingOf(version byte, mechanism string) []byte {
	g := make([]byte, greetingSize)
	g[0], g[9], g[10] = 0xff, 0x7f, version
	copy(g[mechanismAt:], mechanism)
	return g
}

// frame is one frame on the wire, which may announce another length than it has.
func frame(flags byte, announced uint64, body []byte) []byte {
	b := []byte{flags}
	if flags&flagLong != 0 {
		b = binary.BigEndian.AppendUint64(b, announced)
	} else {
		b = append(b, byte(announced))
	}
	return append(b, body...)
}

func commandFrame(name string, body []byte) []byte {
	whole := slices.Concat([]byte{byte(len(name))}, []byte(name), body)
	return frame(flagCommand|flagLong, uint64(len(whole)), whole)
}

// hostile is what a kernel's ports were ended with, and what is like it; each is refused by name.
func hostile() map[string][]byte {
	g := greetingOf(3, "NULL")
	hello := slices.Concat(g, commandFrame(ready, metadata(Dealer, "")))
	with := func(more ...[]byte) []byte { return slices.Concat(append([][]byte{hello}, more...)...) }
	before := func(more ...[]byte) []byte { return slices.Concat(append([][]byte{g}, more...)...) }
	many := []byte{}
	for i := range 2 * mostProperties {
		many = property(many, fmt.Sprint("x", i), "")
	}
	return map[string][]byte{
		"no ZeroMQ":                            []byte("GET / HTTP/1.1\r\n\r\n"),
		"version 1":                            {1, 0},
		"version 2":                            {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 5, 0, 0},
		"signature":                            append([]byte{0xff}, make([]byte, 63)...),
		"mechanism PLAIN":                      greetingOf(3, "PLAIN"),
		"mechanism of 20 letters":              greetingOf(3, "NULLNULLNULLNULLNULL"),
		"READY of one byte":                    before(frame(flagCommand, 1, []byte{1})),
		"READY without a body":                 before(frame(flagCommand, 0, nil)),
		"READY without properties":             before(commandFrame(ready, nil)),
		"READY with a name cut off":            before(commandFrame(ready, []byte{200, 'x'})),
		"READY with an empty name":             before(commandFrame(ready, []byte{0, 0, 0, 0, 0})),
		"READY without a value":                before(commandFrame(ready, []byte{1, 'x', 0, 0})),
		"READY with a value of 4 GB":           before(commandFrame(ready, []byte{1, 'x', 255, 255, 255, 255})),
		"READY with many properties":           before(commandFrame(ready, many)),
		"silence after half of READY":          before(commandFrame(ready, metadata(Dealer, ""))[:20]),
		"READY with an identity of 256":        before(commandFrame(ready, property(property(nil, socketType, "DEALER"), identityOf, strings.Repeat("i", 256)))),
		"READY with a router's identity":       before(commandFrame(ready, property(property(nil, socketType, "DEALER"), identityOf, "\x00i"))),
		"READY of a socket that does not fit":  before(commandFrame(ready, metadata(Pub, ""))),
		"READY of a socket nobody knows":       before(commandFrame(ready, metadata("X", ""))),
		"a message before READY":               before(frame(0, 1, []byte{1})),
		"another command before READY":         before(commandFrame(ping, []byte{0, 0})),
		"ERROR":                                before(commandFrame(failure, []byte("\x03why"))),
		"ERROR of nothing":                     before(commandFrame(failure, nil)),
		"READY of 2^63-1 bytes":                before(frame(flagCommand|flagLong, 1<<63-1, nil)),
		"a command of 2^63-1 bytes":            with(frame(flagCommand|flagLong, 1<<63-1, nil)),
		"a command of 2^64-1 bytes":            with(frame(flagCommand|flagLong, 1<<64-1, nil)),
		"a command without a name":             with(frame(flagCommand, 0, nil)),
		"a command with its name cut off":      with(frame(flagCommand, 2, []byte{9, 'P'})),
		"a command that goes on":               with(frame(flagCommand|flagMore, 5, []byte("\x04PING"))),
		"PING without a time":                  with(commandFrame(ping, nil)),
		"PING with a long context":             with(commandFrame(ping, make([]byte, 100))),
		"SUBSCRIBE to a router":                with(commandFrame(subscribe, nil)),
		"a frame of 2^40 bytes":                with(frame(flagLong, 1<<40, nil)),
		"a frame of 2^63 bytes":                with(frame(flagLong, 1<<63, nil)),
		"a frame of 2^64-1 bytes":              with(frame(flagLong, 1<<64-1, nil)),
		"flags of a later version":             with(frame(0x80, 1, []byte{1})),
		"frames without end":                   with(bytes.Repeat(frame(flagMore, 0, nil), 1000)),
		"ERROR after READY":                    with(commandFrame(failure, []byte("\x00"))),
		"a frame too long for what is left":    with(frame(flagMore|flagLong, 900_000, make([]byte, 900_000)), frame(flagLong, 900_000, nil)),
		"silence after half a greeting":        g[:20],
		"silence after half a frame":           with(frame(flagLong, 1000, []byte("half"))),
		"silence after a frame that goes on":   with(frame(flagMore, 1, []byte{1})),
		"silence after half of a frame header": with([]byte{flagLong, 0, 0}),
	}
}

// TestWhatBreaksTheProtocolIsAnError also measures what it costs: no more than what arrives.
func TestWhatBreaksTheProtocolIsAnError(t *testing.T) {
	for name, said := range hostile() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := listenTo(t, Router, said)
			runtime.ReadMemStats(&after)
			cut := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
			if strings.HasPrefix(name, "silence") != cut || err == nil || !cut && !errors.Is(err, ErrProtocol) {
				t.Errorf("error %v", err)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
				t.Errorf("%d bytes allocated for %d that arrived", grown, len(said))
			}
		})
	}
}

// listenTo opens a connection on whose other end a peer has said something and gone, and receives until that ends.
func listenTo(t testing.TB, kind Kind, said []byte) (messages int, err error) {
	t.Helper()
	listening, connecting := pair(t)
	go func() {
		connecting.Write(said)
		connecting.(*net.UnixConn).CloseWrite()
		io.Copy(io.Discard, connecting)
	}()
	defer listening.Close()
	conn, err := Open(listening, kind, "", patience, nil)
	if err != nil {
		return 0, err
	}
	conn.Limits = Limits{Frames: 100, Bytes: 1 << 20}
	for {
		if _, err := conn.Receive(); err != nil {
			return messages, err
		}
		messages++
	}
}

func TestAPeerThatSaysNothingIsNotWaitedForLong(t *testing.T) {
	listening, _ := pair(t)
	started := time.Now()
	_, err := Open(listening, Router, "", 20*time.Millisecond, nil)
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("error %v after %s", err, time.Since(started))
	}
}

func TestMemoryIsAskedForBeforeItIsTaken(t *testing.T) {
	router, dealer := meet(t, Router, Dealer, "")
	full := errors.New("full")
	var asked []int64
	router.Limits.Hold = func(held int64) error {
		asked = append(asked, held)
		if held > 1<<20 {
			return full
		}
		return nil
	}
	go dealer.Send([][]byte{make([]byte, 10), make([]byte, 100<<20)})
	if _, err := router.Receive(); !errors.Is(err, full) {
		t.Errorf("error %v, want the refusal", err)
	}
	if !slices.IsSorted(asked) || len(asked) < 3 {
		t.Errorf("asked for %v", asked)
	}
}

// TestKindsAgree checks that what one kind talks to talks to it.
func TestKindsAgree(t *testing.T) {
	all := []Kind{Router, Dealer, Pub, Sub, Rep, Req}
	for _, a := range all {
		for _, b := range all {
			if a.talksTo(b) != b.talksTo(a) {
				t.Errorf("%s and %s disagree", a, b)
			}
		}
	}
}
