package zmtp

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"gantry.local/kernel-ext/jupyter/zmtp/zmtptest"
)

// said is a connection whose other end has said all it will say.
type said struct{ *bytes.Reader }

func (said) Write(b []byte) (int, error)      { return len(b), nil }
func (said) Close() error                     { return nil }
func (said) LocalAddr() net.Addr              { return nil }
func (said) RemoteAddr() net.Addr             { return nil }
func (said) SetDeadline(time.Time) error      { return nil }
func (said) SetReadDeadline(time.Time) error  { return nil }
func (said) SetWriteDeadline(time.Time) error { return nil }

// FuzzConversation gives all that a peer may say to a listening socket of each kind.
func FuzzConversation(f *testing.F) {
	for _, text := range zmtptest.Hostile("DEALER") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, kind := range []Kind{Router, Pub, Rep} {
			conn, err := Open(said{bytes.NewReader(text)}, kind, "", time.Hour, nil)
			if err != nil {
				continue
			}
			const most = 1 << 20
			conn.Limits = Limits{Frames: 10, Bytes: most}
			for {
				frames, err := conn.Receive()
				if err != nil {
					break
				}
				if size := len(bytes.Join(frames, nil)); len(frames) == 0 || len(frames) > 10 || size > most {
					t.Fatalf("%d frames of %d bytes pass", len(frames), size)
				}
			}
		}
	})
}

// FuzzReady gives the body of READY.
func FuzzReady(f *testing.F) {
	f.Add(metadata(Dealer, "me"))
	f.Add([]byte{1})
	f.Add([]byte{1, 'x', 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, body []byte) {
		var c Conn
		if c.readMetadata(body) == nil && (c.Peer == "" || len(c.Identity) > longestIdentity) {
			t.Fatalf("peer %q, identity of %d bytes", c.Peer, len(c.Identity))
		}
	})
}

// FuzzFrames gives what follows the handshake; what is understood is sent again and must be understood alike.
func FuzzFrames(f *testing.F) {
	f.Add(zmtptest.Frame(0, 3, []byte("abc")))
	f.Add(append(zmtptest.Frame(flagMore, 1, []byte{7}), zmtptest.Frame(flagLong, 300, make([]byte, 300))...))
	f.Add(zmtptest.CommandFrame(ping, []byte("\x00\x00c")))
	f.Add(zmtptest.Frame(flagCommand|flagLong, 1<<63-1, nil))
	f.Add(zmtptest.Frame(flagLong, 1<<40, []byte("x")))
	f.Fuzz(func(t *testing.T, text []byte) {
		limits := Limits{Frames: 16, Bytes: 1 << 20}
		receive := func(text []byte) (all [][][]byte) {
			c := &Conn{conn: said{}, in: bufio.NewReader(bytes.NewReader(text)), kind: Router, Limits: limits}
			for {
				frames, err := c.Receive()
				if err != nil {
					return all
				}
				all = append(all, frames)
			}
		}
		understood := receive(text)
		wire := &recorded{}
		if err := (&Conn{conn: wire}).Send(understood...); err != nil {
			t.Fatal(err)
		}
		again := receive(wire.Bytes())
		if len(again) != len(understood) {
			t.Fatalf("%d messages become %d", len(understood), len(again))
		}
		for i := range again {
			if !bytes.Equal(bytes.Join(again[i], []byte{0}), bytes.Join(understood[i], []byte{0})) {
				t.Fatalf("message %d is changed", i)
			}
		}
	})
}

// recorded is a connection that keeps what is sent.
type recorded struct {
	said
	bytes.Buffer
}

func (r *recorded) Read([]byte) (int, error)    { return 0, io.EOF }
func (r *recorded) Write(b []byte) (int, error) { return r.Buffer.Write(b) }
