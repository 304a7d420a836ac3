package kernel

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/kernel-ext/engine"
)

// TestAsOnMacOS runs the tests of what cells print and show, of input, interrupts and endings with an engine, programs and a
// kernel that are compiled as they are on macOS as far as that tells: Go does not poll named pipes there, so they block;
// nothing ends with its parent; there is no /proc for the kernel; a pipe has the room that it has.
func TestAsOnMacOS(t *testing.T) {
	root := projectRoot(t)
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	as := overlay{t: t, dir: dir, Replace: map[string]string{}}
	as.change(filepath.Join(strings.TrimSpace(string(goroot)), "src/os/file_unix.go"),
		`case "darwin", "ios", "dragonfly",`, `case "linux", "darwin", "ios", "dragonfly",`,
		`(runtime.GOOS == "darwin" || runtime.GOOS == "ios") && typ == syscall.S_IFIFO`, `typ == syscall.S_IFIFO`)
	as.change(filepath.Join(engine.CopiedModule(root), "engine/printed.go"), `runtime.GOOS == "linux"`, `runtime.GOOS == ""`)
	as.swap(filepath.Join(root, "kernel-ext/engine/session_linux.go"), "//go:build unix && !linux\n")
	as.swap(filepath.Join(root, "kernel-ext/cell/process_linux.go"), "//go:build !linux\n")
	flag := "-overlay=" + as.write()

	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GANTRY_BIN="+bin, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" "+flag))
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %q: %v\n%s", args, err, said)
		}
	}
	run("build", "-modfile="+engine.ModFile(root), "-o", filepath.Join(bin, engine.Program), "github.com/janpfeifer/gonb/engine")
	run("build", "-o", bin, "./kernel-ext/cmd/gantry-cell")
	if err := os.Symlink(filepath.Join(root, "bin", "goimports"), filepath.Join(bin, "goimports")); err != nil {
		t.Fatal(err)
	}
	run("test", "-count=1", "./kernel-ext/engine")
	run("test", "-count=1", "-run", "^(TestOutput|TestOrderOnThePage|TestLastDisplays|TestOrphansShowNothing|TestInterrupts|TestEveryEndingLeavesNothing)$",
		"./kernel-ext/kernel")
}

// overlay is what go is to read in the place of files.
type overlay struct {
	t       *testing.T
	dir     string
	Replace map[string]string
}

// change has words of a file replaced: each pair is what is there, and what is to be.
func (o overlay) change(path string, pairs ...string) {
	o.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		o.t.Fatal(err)
	}
	changed := string(text)
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(changed, pairs[i]) != 1 {
			o.t.Fatalf("%s does not have %q once: see how it tells macOS apart now", path, pairs[i])
		}
		changed = strings.Replace(changed, pairs[i], pairs[i+1], 1)
	}
	o.put(path, changed)
}

// swap has the file for other systems, which begins with a constraint, read in the place of Linux's.
func (o overlay) swap(linux, constraint string) {
	o.t.Helper()
	text, err := os.ReadFile(strings.Replace(linux, "_linux.go", "_other.go", 1))
	if err != nil {
		o.t.Fatal(err)
	}
	rest, found := strings.CutPrefix(string(text), constraint)
	if !found {
		o.t.Fatalf("the other file of %s does not begin with %q", linux, constraint)
	}
	o.put(linux, rest)
}

func (o overlay) put(path, text string) {
	o.t.Helper()
	with := filepath.Join(o.dir, fmt.Sprintf("%d.go", len(o.Replace)))
	if err := os.WriteFile(with, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	o.Replace[path] = with
}

// write returns the path of what go wants to know.
func (o overlay) write() string {
	o.t.Helper()
	path := filepath.Join(o.dir, "overlay.json")
	text, err := json.Marshal(o)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return path
}
