package framed

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"
)

func TestFrames(t *testing.T) {
	long := bytes.Repeat([]byte("long"), 1<<20)
	for _, parts := range [][][]byte{{}, {{}}, {[]byte("a")}, {{}, long, []byte("b")}} {
		var wire bytes.Buffer
		if err := Write(&wire, parts...); err != nil {
			t.Fatal(err)
		}
		most := make([]int, len(parts))
		for i, part := range parts {
			most[i] = len(part)
		}
		for name, r := range map[string]io.Reader{"whole": bytes.NewReader(wire.Bytes()), "in pieces": iotest.HalfReader(bytes.NewReader(wire.Bytes()))} {
			got, err := Read(r, most...)
			if err != nil || len(got) != len(parts) {
				t.Fatalf("%s: %d parts, %v", name, len(got), err)
			}
			for i := range parts {
				if !bytes.Equal(got[i], parts[i]) {
					t.Errorf("%s: part %d of %d bytes comes as one of %d", name, i, len(parts[i]), len(got[i]))
				}
			}
		}
	}
}

func TestFramesThatAreNone(t *testing.T) {
	for name, test := range map[string]struct {
		wire string
		want error
	}{
		"nothing":       {"", io.EOF},
		"half a length": {"\x00\x00", io.ErrUnexpectedEOF},
		"too long":      {"\x00\x00\x00\x0aaaaaaaaaaa", ErrTooLong},
		"cut off":       {"\x00\x00\x00\x05aa", io.ErrUnexpectedEOF},
		"no part":       {"\x00\x00\x00\x05", io.ErrUnexpectedEOF},
	} {
		if got, err := Read(bytes.NewReader([]byte(test.wire)), 9); !errors.Is(err, test.want) {
			t.Errorf("%s: %q %v, want %v", name, got, err, test.want)
		}
	}
}

func TestPromisesTakeNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		if _, err := Read(bytes.NewReader([]byte("\x7f\xff\xff\xffa")), 1<<31-1); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 50<<20 {
		t.Errorf("%d MiB for ten promises", took>>20)
	}
}
