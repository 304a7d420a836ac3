package data

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestUnpacked loads MNIST from the copy that an earlier load has unpacked, and anew where that copy is spoilt, or of a file
// that was changed since.
func TestUnpacked(t *testing.T) {
	dir := mnistCopy(t)
	first := load(t, MNIST())
	copies, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "gantry", "data", "*.idx"))
	if err != nil || len(copies) != 2 {
		t.Fatalf("copies %q, %v, want one of the images and one of the labels", copies, err)
	}
	largest := copies[0]
	for _, path := range copies {
		if sizeOf(t, path) > sizeOf(t, largest) {
			largest = path
		}
	}
	if size := sizeOf(t, largest); size < 47_000_000 {
		t.Fatalf("the copy of the images has %d bytes", size)
	}
	requireSame := func(when string) {
		t.Helper()
		if again := load(t, MNIST()); !bytes.Equal(again.Pixels, first.Pixels) {
			t.Errorf("%s the images are others", when)
		}
	}
	requireSame("from the copy")

	whole, err := os.ReadFile(largest)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for what, content := range map[string][]byte{"flipped": flipped, "cut": whole[:len(whole)/2], "empty": nil, "longer": append(bytes.Clone(whole), 0)} {
		if err := os.WriteFile(largest, content, 0o600); err != nil {
			t.Fatal(err)
		}
		requireSame("with a copy that is " + what)
		if now, err := os.ReadFile(largest); err != nil || !bytes.Equal(now, whole) {
			t.Errorf("the copy that was %s was not made anew (%v)", what, err)
		}
	}
	if err := os.Remove(largest); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(largest, 0o700); err != nil { // which nothing can take the place of
		t.Fatal(err)
	}
	requireSame("without a copy")

	path := filepath.Join(dir, trainLabelFile)
	if err := os.WriteFile(path, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, err = MNIST().Load()
	requireLine(t, err, path, "corrupt")
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
