package setup

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestSpareBuildCache has the go command itself clear a cache whose files are a month old, and not clear one that is spared.
func TestSpareBuildCache(t *testing.T) {
	for _, spared := range []bool{false, true} {
		cache, module := t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(module, "go.mod"), []byte("module x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(module, "x.go"), []byte("package x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		build := func() {
			t.Helper()
			c := exec.Command("go", "build", ".")
			c.Dir, c.Env = module, append(os.Environ(), "GOCACHE="+cache, "GOFLAGS=")
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		build()
		old := filepath.Join(cache, "00", "unused-d")
		if err := os.WriteFile(old, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		month := time.Now().AddDate(0, -1, 0)
		if err := os.Chtimes(old, month, month); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(cache, "trim.txt")); err != nil {
			t.Fatal(err)
		}
		if spared {
			if err := SpareBuildCache(cache, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		build()
		if _, err := os.Stat(old); (err == nil) != spared {
			t.Errorf("spared %t, and what nobody had used for a month: %v", spared, err)
		}
	}
	if err := SpareBuildCache(filepath.Join(t.TempDir(), "none"), time.Now()); err != nil {
		t.Errorf("a cache that is not there: %v", err)
	}
}
