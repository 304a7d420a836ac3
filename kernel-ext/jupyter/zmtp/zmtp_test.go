package zmtp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gantry.local/kernel-ext/jupyter/zmtp/zmtptest"
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

// TestWhatBreaksTheProtocolIsAnError also measures what it costs: no more than what arrives.
func TestWhatBreaksTheProtocolIsAnError(t *testing.T) {
	for name, said := range zmtptest.Hostile("DEALER") {
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
