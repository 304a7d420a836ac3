package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTemporaryFoldersOfAllLengths starts kernels where the temporary folder has a long path: cells run, completion answers.
func TestTemporaryFoldersOfAllLengths(t *testing.T) {
	short, err := os.MkdirTemp("/tmp", "gk-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	for _, length := range []int{30, 56, 76, 240} {
		dir := short
		for len(dir) < length {
			dir = filepath.Join(dir, strings.Repeat("d", min(100, max(1, length-len(dir)-1))))
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		c := startKernel(t, "TMPDIR="+dir)
		c.mustRun(hello, "hello")
		id := c.send(c.shell, "complete_request", map[string]any{"code": "%%\nstrings.ToUp", "cursor_pos": 15})
		r := c.next(c.shell, 20*second, "complete_reply", answers(id, "complete_reply"))
		if matches, _ := r.content["matches"].([]any); len(matches) == 0 {
			t.Errorf("a temporary folder with a path of %d bytes: no completion", len(dir))
		}
		c.stop()
	}
}
