package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func quietLog(string, ...any) {}

// TestSweepingSparesTheLiving sweeps a temporary folder as a kernel does that does not see the others' processes.
func TestSweepingSparesTheLiving(t *testing.T) {
	base, err := os.MkdirTemp("/tmp", "gk-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	living, err := makeTemp(base)
	if err != nil {
		t.Fatal(err)
	}
	dead, older := filepath.Join(base, tempPrefix+"deadbeef"), filepath.Join(base, tempPrefix+"123-456") // of a version that does not lock
	other := filepath.Join(base, "other")
	for _, dir := range []string{filepath.Join(dead, "in"), older, other} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(other, filepath.Join(base, tempPrefix+"linklink")); err != nil {
		t.Fatal(err)
	}
	sweepTemp(base, quietLog)
	for dir, stays := range map[string]bool{living.Dir: true, dead: false, older: true, other: true} {
		if _, err := os.Stat(dir); (err == nil) != stays {
			t.Errorf("%s: %v, want it to stay: %v", dir, err, stays)
		}
	}
	if info, err := os.Stat(living.Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	if err := living.Remove(); err != nil {
		t.Error(err)
	}
}

// TestMakingAndSweepingAtOnce lets many make folders while others sweep: a folder that was made stays.
func TestMakingAndSweepingAtOnce(t *testing.T) {
	base, err := os.MkdirTemp("/tmp", "gk-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	var together sync.WaitGroup
	for range 4 {
		together.Go(func() {
			for range 50 {
				sweepTemp(base, quietLog)
			}
		})
		together.Go(func() {
			for range 50 {
				made, err := makeTemp(base)
				if err == nil {
					err = os.WriteFile(filepath.Join(made.Dir, "file"), nil, 0o600)
				}
				if err == nil {
					err = made.Remove()
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	together.Wait()
}

func TestATemporaryFolderThatIsMissingIsNamed(t *testing.T) {
	_, err := makeTemp("/nonexistent/folder")
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "TMPDIR") || !strings.Contains(err.Error(), "/nonexistent/folder") {
		t.Errorf("error %v", err)
	}
}
