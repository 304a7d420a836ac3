package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCopyCourse brings a folder up to date twice, as two versions of an image do with one volume.
func TestCopyCourse(t *testing.T) {
	image, volume := t.TempDir(), filepath.Join(t.TempDir(), "work", "notebooks")
	write := func(dir, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when string, files map[string]string) {
		t.Helper()
		if err := CopyCourse(image, volume); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			got, err := os.ReadFile(filepath.Join(volume, name))
			if text == "" && !os.IsNotExist(err) || text != "" && string(got) != text {
				t.Errorf("%s: %s holds %q (%v), want %q", when, name, got, err, text)
			}
		}
	}
	for _, name := range []string{"1-read.ipynb", "2-changed.ipynb", "3-removed.ipynb"} {
		write(image, name, "first")
	}
	write(image, "notes.txt", "no chapter")
	want("first start", map[string]string{"1-read.ipynb": "first", "2-changed.ipynb": "first", "3-removed.ipynb": "first", "notes.txt": ""})
	want("second start", map[string]string{"1-read.ipynb": "first"})

	write(volume, "2-changed.ipynb", "mine")
	write(volume, "4-own.ipynb", "mine too")
	if err := os.Remove(filepath.Join(volume, "3-removed.ipynb")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"1-read.ipynb", "2-changed.ipynb", "3-removed.ipynb", "4-own.ipynb", "5-new.ipynb"} {
		write(image, name, "second")
	}
	for range 2 {
		want("a later version", map[string]string{"1-read.ipynb": "second", "2-changed.ipynb": "mine", "3-removed.ipynb": "",
			"4-own.ipynb": "mine too", "5-new.ipynb": "second"})
	}

	write(volume, courseFile, "{")
	if err := CopyCourse(image, volume); err == nil || !strings.Contains(err.Error(), "is damaged") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a damaged record: %v, want a line that says so", err)
	}
	locked := filepath.Join(t.TempDir(), "file")
	write(filepath.Dir(locked), "file", "")
	if err := CopyCourse(image, filepath.Join(locked, "notebooks")); err == nil || !strings.Contains(err.Error(), "let the user") {
		t.Errorf("a place that is none: %v, want what to do", err)
	}
}
