package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
)

// stream is a socket that says what it is given.
type stream struct{ *bytes.Buffer }

func (stream) Close() error { return nil }

func TestFramesArrive(t *testing.T) {
	a, b := net.Pipe()
	from, to := NewConn(a), NewConn(b)
	defer from.Close()
	go func() {
		from.SendBytes(KindStdout, nil)
		from.SendBytes(KindStderr, bytes.Repeat([]byte{0, 255}, 1<<20))
		from.Send(KindRun, Cell{ID: 7, Code: "é\n", AllowStdin: true})
		from.Close()
	}()
	for _, want := range []struct {
		kind Kind
		size int
	}{{KindStdout, 0}, {KindStderr, 2 << 20}, {KindRun, len(`{"ID":7,"Code":"é\n","AllowStdin":true}`)}} {
		kind, content, err := to.Receive()
		if err != nil || kind != want.kind || len(content) != want.size {
			t.Errorf("%d with %d bytes, %v; want %+v", kind, len(content), err, want)
		}
	}
	if _, _, err := to.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if err := from.SendBytes(KindDisplay, make([]byte, Largest+1)); err == nil {
		t.Error("a frame that is too large is sent")
	}
}

// TestDamagedFrames reads what no engine says. A length makes no room for what does not come.
func TestDamagedFrames(t *testing.T) {
	frame := func(kind byte, length uint32, content string) string {
		return string(binary.BigEndian.AppendUint32([]byte{kind}, length)) + content
	}
	for name, text := range map[string]string{
		"half a head": frame(byte(KindDone), 4, "")[:3], "kind 0": frame(0, 0, ""), "a kind that is none": frame(byte(kinds), 0, ""),
		"cut off": frame(byte(KindDone), 10, "{}"), "too long": frame(byte(KindStdout), Largest+1, "x"), "as long as it can be": frame(byte(KindStdout), 1<<32-1, "x"),
		"long, and not there": frame(byte(KindStdout), Largest, "x"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if kind, _, err := NewConn(stream{bytes.NewBufferString(text)}).Receive(); err == nil || errors.Is(err, io.EOF) && name != "half a head" && err == io.EOF {
			t.Errorf("%s: kind %d, %v", name, kind, err)
		}
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 1<<20 {
			t.Errorf("%s takes %d bytes", name, after.TotalAlloc-before.TotalAlloc)
		}
	}
}

// FuzzFrames reads anything.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{byte(KindDone), 0, 0, 0, 2, '{', '}'})
	f.Add([]byte{byte(KindStdout), 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, text []byte) {
		c := NewConn(stream{bytes.NewBuffer(text)})
		for {
			kind, _, err := c.Receive()
			if err != nil {
				return
			}
			if kind == 0 || kind >= kinds {
				t.Fatalf("kind %d", kind)
			}
		}
	})
}
