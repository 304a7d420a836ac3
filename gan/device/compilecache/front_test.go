//go:build linux

package compilecache_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/device"
	"gantry.local/gan/device/compilecache"
)

// TestCompiled runs in processes of their own, with a cache each, and prints x + n for x = 1. It is a test so that it can be
// started by its name.
func TestCompiled(t *testing.T) {
	n := os.Getenv("GANTRY_TEST_ADD")
	if n == "" {
		return
	}
	backend, err := device.Open("xla:cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	var add float32
	fmt.Sscan(n, &add)
	sum, err := NewExec(backend, func(x *Node) *Node { return AddScalar(x, float64(add)) })
	if err != nil {
		t.Fatal(err)
	}
	y, err := sum.Call1(float32(1))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("sum %v\n", y.Value())
}

// compiled runs TestCompiled with a cache and returns the sum that it says.
func compiled(t *testing.T, dir string, add int, env ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestCompiled$")
	cmd.Env = append(append(os.Environ(), compilecache.Env+"="+dir, fmt.Sprintf("GANTRY_TEST_ADD=%d", add)), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if sum, is := strings.CutPrefix(line, "sum "); is {
			return strings.TrimSpace(sum)
		}
	}
	t.Fatalf("it said no sum: %s", out)
	return ""
}

// entry returns the path of the one executable in a cache; what else is there is the plugin's digest, which is short.
func entry(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.xla"))
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Size() > 500 {
			if found != "" {
				t.Fatalf("more than one executable in %s", dir)
			}
			found = path
		}
	}
	if found == "" {
		t.Fatalf("no executable in %s", dir)
	}
	return found
}

// TestFront wants what one process has compiled to be run by the next, which is seen by giving it another's executable, and
// a damaged or refused one to be compiled anew.
func TestFront(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	for range 2 {
		if sum := compiled(t, one, 1); sum != "2" {
			t.Fatalf("1 + 1 is %s", sum)
		}
	}
	if sum := compiled(t, two, 2); sum != "3" {
		t.Fatalf("1 + 2 is %s", sum)
	}
	path := entry(t, one)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(entry(t, two))
	if err != nil {
		t.Fatal(err)
	}
	const form, sums = len("gantry compiled 1\n"), 2 * sha256.Size
	put := func(payload []byte) {
		t.Helper()
		sum := sha256.Sum256(payload)
		key := content[form : form+sha256.Size]
		if err := os.WriteFile(path, bytes.Join([][]byte{content[:form], key, sum[:], payload}, nil), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(other[form+sums:])
	if sum := compiled(t, one, 1); sum != "3" {
		t.Errorf("with the executable of x + 2 in the place of x + 1 the sum is %s, want 3: the cache is not used", sum)
	}
	log := filepath.Join(one, "log")
	for what, spoil := range map[string]func(){
		"damaged":                    func() { os.WriteFile(path, content[:len(content)-1], 0o600) },
		"one that XLA cannot read":   func() { put([]byte(strings.Repeat("no executable ", 100))) },
		"one that XLA wrote in part": func() { put(content[form+sums : len(content)-500]) },
	} {
		os.Remove(log)
		spoil()
		if sum := compiled(t, one, 1); sum != "2" {
			t.Errorf("with an entry that is %s the sum is %s, want 2", what, sum)
		}
		if text, err := os.ReadFile(log); err != nil || !strings.Contains(string(text), "compiled anew") {
			t.Errorf("%s: the log says %q, %v", what, text, err)
		}
		if now, err := os.ReadFile(path); err != nil || len(now) != len(content) {
			t.Errorf("%s: the entry was not written anew: %d bytes, %v", what, len(now), err)
		}
	}
	off := filepath.Join(t.TempDir(), "off")
	if sum := compiled(t, off, 1, compilecache.Env+"=off"); sum != "2" {
		t.Errorf("without a cache the sum is %s", sum)
	}
	if _, err := os.Stat(off); err == nil {
		t.Error("switched off, it made a folder")
	}
}
