package quicklink

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/kernel-ext/cell"
)

func TestBuild(t *testing.T) {
	folder := t.TempDir()
	linker, err := Build(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if base := filepath.Base(linker); !strings.HasPrefix(base, cell.Linker("go1.")) {
		t.Errorf("the linker is called %s", base)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

// A Go tree with another linker is recognised by what the changes cannot be made to.
func TestAnotherTree(t *testing.T) {
	tree := t.TempDir()
	for _, e := range edits() {
		file := filepath.Join(tree, e.file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("package ld\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := writeOverlay(t.TempDir(), tree); !errors.Is(err, ErrUnknown) {
		t.Errorf("a linker without the expected text: %v", err)
	}
	if _, err := writeOverlay(t.TempDir(), filepath.Join(tree, "nothing")); !errors.Is(err, ErrUnknown) {
		t.Errorf("a tree without a linker: %v", err)
	}
}
