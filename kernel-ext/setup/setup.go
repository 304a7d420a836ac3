package setup

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"gantry.local/gan/device"
	"gantry.local/kernel-ext/internal/lastwords"
	"gantry.local/kernel-ext/internal/wholefile"
)

// Options say what to set up.
type Options struct {
	Root   string    // the checkout: the folder with go.mod of module gantry.local
	CUDA   bool      // add the plugin and libraries for NVIDIA GPUs
	Repair bool      // do every stage again, on a new virtual environment
	Out    io.Writer // progress for a person
}

// A stage is one part of the installation. It is due when its key differs from the one it was last done with, or when
// something it makes is missing.
type stage struct {
	name  string
	key   string   // hash of all that decides the result
	makes []string // paths that exist once it is done
	run   func(ctx context.Context) error
}

// installer does the stages below one root.
type installer struct {
	Options
	python string // the interpreter that makes the virtual environment
}

// Run installs what is missing or out of date, and says so to o.Out. A second run does nothing. An interrupted or failed
// run goes on with the stage that it had reached.
func Run(ctx context.Context, o Options) error {
	if err := checkRoot(o.Root); err != nil {
		return err
	}
	if err := checkHost(ctx, o.Root); err != nil {
		return err
	}
	in := &installer{Options: o}
	if o.Repair {
		if err := os.RemoveAll(venv(o.Root)); err != nil {
			return fmt.Errorf("cannot remove the old virtual environment: %w", err)
		}
	}
	var err error
	if in.python, err = findPython(ctx); err != nil {
		return err
	}
	if o.CUDA {
		if reason := missingDriver(); reason != "" {
			return fmt.Errorf("--cuda: %s", reason)
		}
	}
	unlock, err := lockSetup(ctx, o)
	if err != nil {
		return err
	}
	defer unlock()
	stages, err := in.stages(ctx)
	if err != nil {
		return err
	}
	done, begin := 0, time.Now()
	for _, s := range stages {
		if in.current(s) {
			continue
		}
		fmt.Fprintf(o.Out, "» %s\n", s.name)
		if err := s.run(ctx); err != nil {
			if ctx.Err() != nil {
				return errors.New("interrupted; run `make setup` to go on")
			}
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if err := in.remember(s); err != nil {
			return err
		}
		done++
	}
	if done > 0 {
		fmt.Fprintf(o.Out, "set up in %s\n", time.Since(begin).Round(time.Second))
	}
	return nil
}

func (in *installer) stages(ctx context.Context) ([]stage, error) {
	goMod, err := os.ReadFile(filepath.Join(in.Root, "go.mod"))
	if err != nil {
		return nil, err
	}
	goSum, err := os.ReadFile(filepath.Join(in.Root, "go.sum"))
	if err != nil {
		return nil, err
	}
	goVersion := runtime.Version()
	cache, err := output(ctx, in.Root, "go", "env", "GOCACHE", "GOMODCACHE")
	if err != nil {
		return nil, err
	}
	stages := []stage{in.pythonStage()}
	if in.CUDA || in.hasCUDA() {
		stages = append(stages, in.cudaStage())
	}
	return append(stages,
		in.toolsStage(hash(string(goMod), string(goSum), goVersion)),
		in.goplsStage(hash(goplsVersion, goVersion)),
		in.engineStage(hash(string(goMod), string(goSum), goVersion)),
		in.linkerStage(goVersion),
		in.kernelspecStage(),
		in.warmStage(hash(string(goMod), string(goSum), goVersion, cache)),
	), nil
}

// current tells whether a stage has nothing to do.
func (in *installer) current(s stage) bool {
	key, err := os.ReadFile(in.stamp(s))
	if err != nil || string(key) != s.key {
		return false
	}
	for _, path := range s.makes {
		if _, err := os.Stat(path); err != nil {
			return false
		}
	}
	return true
}

func (in *installer) remember(s stage) error { return writeFile(in.stamp(s), []byte(s.key), 0o644) }

func (in *installer) stamp(s stage) string {
	name, _, _ := strings.Cut(s.name, ":")
	return filepath.Join(venv(in.Root), ".gantry", strings.ReplaceAll(name, " ", "-"))
}

// FindRoot returns the checkout that this program belongs to: $GANTRY_ROOT, the folder above bin/gantry, or the nearest
// folder at or above the working directory with the go.mod of module gantry.local.
func FindRoot() (string, error) {
	var candidates []string
	if root := os.Getenv(device.EnvRoot); root != "" {
		candidates = append(candidates, root)
	}
	if executable, err := os.Executable(); err == nil {
		if executable, err = filepath.EvalSymlinks(executable); err == nil {
			candidates = append(candidates, filepath.Dir(filepath.Dir(executable)))
		}
	}
	if dir, err := os.Getwd(); err == nil {
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			candidates = append(candidates, dir)
		}
	}
	for _, dir := range candidates {
		if checkRoot(dir) == nil {
			return filepath.Abs(dir)
		}
	}
	return "", errors.New("not in a checkout of the project: run this inside its folder, or set GANTRY_ROOT to it")
}

func checkRoot(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.HasPrefix(string(text), "module gantry.local\n") {
		return fmt.Errorf("%s is not a checkout of the project", dir)
	}
	return nil
}

// checkHost looks for what the person must have installed: Go and a C compiler (XLA's binding is cgo).
func checkHost(ctx context.Context, root string) error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("Go is not installed; install Go 1.26 or newer from https://go.dev/dl")
	}
	_, err := compiler(ctx, root)
	return err
}

// compiler returns the path of the C compiler that cgo will use.
func compiler(ctx context.Context, root string) (string, error) {
	text, err := output(ctx, root, "go", "env", "CC", "CGO_ENABLED")
	if err != nil {
		return "", err
	}
	cc, enabled, _ := strings.Cut(text, "\n")
	name, _, _ := strings.Cut(strings.TrimSpace(cc), " ")
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("C compiler %q is not installed, and the XLA binding needs one; install gcc "+
			"(Debian: apt install gcc; macOS: xcode-select --install)", name)
	}
	if strings.TrimSpace(enabled) == "0" {
		return "", errors.New("cgo is switched off, and the XLA binding needs it; run `go env -u CGO_ENABLED` and unset CGO_ENABLED")
	}
	return path, nil
}

func venv(root string) string { return filepath.Join(root, ".venv") }

func bin(root string) string { return filepath.Join(root, "bin") }

func hash(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// output runs a command in dir and returns what it prints, trimmed; on failure the error is its last line.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	text, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && len(exit.Stderr) > 0 {
			err = errors.New(lastwords.Line(string(exit.Stderr)))
		}
		return "", fmt.Errorf("%s %s: %w", filepath.Base(name), strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(text)), nil
}

// writeFile replaces path whole or not at all, and makes its folder if needed.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return wholefile.Write(path, data, mode)
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(path, append(text, '\n'), 0o644)
}
