package data

import (
	"errors"
	"strings"
	"testing"

	"gantry.local/gan/sample"
)

// requireLine wants an error of one line with every one of the words in it.
func requireLine(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there was no error")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has more than one line: %q", err)
	}
}

// TestLoadChecks wants samples that are no set refused when they are loaded.
func TestLoadChecks(t *testing.T) {
	_, err := Of("short", &sample.Images{N: 2, Height: 2, Width: 2, Channels: 1, Pixels: make([]byte, 7)}).Load()
	requireLine(t, err, "has 7 bytes of pixels")
}

// TestLoadedOnce wants the same images from every Load, one read, and a failure forgotten.
func TestLoadedOnce(t *testing.T) {
	counted := &counting{}
	set := of("counted", counted)
	if _, err := set.Load(); err == nil {
		t.Fatal("the first load did not fail")
	}
	first, err := set.Load()
	if err != nil {
		t.Fatal(err)
	}
	if second, err := set.Load(); second != first || err != nil || counted.reads != 2 {
		t.Errorf("the third load gave other images, or error %v, after %d reads", err, counted.reads)
	}
}

// counting fails the first time.
type counting struct{ reads int }

func (c *counting) make(string) (*sample.Images, error) {
	if c.reads++; c.reads == 1 {
		return nil, errors.New("not yet")
	}
	return &sample.Images{N: 1}, nil
}
