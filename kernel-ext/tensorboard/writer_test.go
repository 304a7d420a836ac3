package tensorboard

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gantry.local/gan/protobuf"
)

// TestEvents wants the events that TensorBoard's own writer makes, byte for byte; testdata/make.py wrote them.
func TestEvents(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "events.bin"))
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMicro(1_700_000_000_250_000)
	var got []byte
	for _, m := range []protobuf.Message{
		first(at),
		summary(7, at, scalarValue("critic loss", -0.5)),
		summary(300, at, imageValue("samples", []byte("\x89PNG"), 2, 3)),
		summary(1<<40, at, textValue("settings", "| é |")),
	} {
		got = frame(got, m)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes\n%x\nTensorBoard has %d\n%x", len(got), got, len(want), want)
	}
}

// TestWriter wants a private file that is whole after Close, and one line for what cannot be written.
func TestWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs", "run")
	w, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Scalar(1, time.Now(), "loss", math.NaN()); err != nil {
		t.Errorf("a number that is not finite, which TensorBoard shows as a gap: %v", err)
	}
	for what, err := range map[string]error{
		"no name":            w.Scalar(1, time.Now(), "", 1),
		"no UTF-8":           w.Text(1, time.Now(), "\xff", "text"),
		"a long name":        w.Scalar(1, time.Now(), strings.Repeat("n", longestName+1), 1),
		"no pixels":          w.Image(1, time.Now(), "samples", []byte{1}, 0, 5),
		"an empty picture":   w.Image(1, time.Now(), "samples", nil, 5, 5),
		"a text that is big": w.Text(1, time.Now(), "text", strings.Repeat("x", largestContent+1)),
	} {
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "event file: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(w.file.Name())
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() < 50 {
		t.Errorf("the file is %v (%v)", info, err)
	}
	if folder, err := os.Stat(dir); err != nil || folder.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v (%v)", folder, err)
	}
	if err := w.Scalar(2, time.Now(), "loss", 1); err == nil {
		if err = w.Flush(); err == nil {
			t.Error("a closed file takes events")
		}
	}
}
