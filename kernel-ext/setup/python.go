package setup

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"gantry.local/gan/device"
	"gantry.local/kernel-ext/internal/lastwords"
)

// The locks name every package with its version and hashes, and no index: pip takes them from wherever it is set up to.
var (
	//go:embed requirements.lock
	pythonLock string
	//go:embed requirements-cuda.lock
	cudaLock string
)

// pythonNames are tried in turn; $PYTHON comes before them.
var pythonNames = [...]string{"python3", "python3.11", "python3.12", "python3.13", "python3.14", "python"}

// findPython returns a Python 3.11 or newer that can make virtual environments.
func findPython(ctx context.Context) (string, error) {
	const probe = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))"
	seen := ""
	for _, name := range append([]string{os.Getenv("PYTHON")}, pythonNames[:]...) {
		path, err := exec.LookPath(name)
		if name == "" || err != nil {
			continue
		}
		out, err := exec.CommandContext(ctx, path, "-c", probe).CombinedOutput()
		if err == nil {
			return path, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if seen == "" {
			seen = fmt.Sprintf("%s is no use: %s", path, lastwords.Line(string(out)))
			if strings.Contains(string(out), "No module named") {
				seen = fmt.Sprintf("%s cannot make virtual environments (Debian: apt install python3-venv)", path)
			} else if version := strings.TrimSpace(string(out)); len(version) < 6 {
				seen = fmt.Sprintf("%s is Python %s", path, version)
			}
		}
	}
	if seen != "" {
		return "", fmt.Errorf("Python 3.11 or newer is needed and %s; install it, or name another with PYTHON=…", seen)
	}
	return "", errors.New("Python is not installed; install Python 3.11 or newer, or name it with PYTHON=…")
}

func (in *installer) pythonStage() stage {
	python := venvPython(in.Root)
	makes := []string{python, filepath.Join(venv(in.Root), "bin", "jupyter-lab")}
	if runtime.GOOS == "linux" {
		makes = append(makes, device.CPUPlugin(in.Root)) // "" where it is missing, which never exists
	}
	return stage{
		name:  "Python packages: JupyterLab and the XLA plugin",
		key:   hash(pythonLock, in.Root),
		makes: makes,
		run: func(ctx context.Context) error {
			if err := os.RemoveAll(venv(in.Root)); err != nil {
				return err
			}
			if err := in.command(ctx, in.python, "-m", "venv", venv(in.Root)); err != nil {
				return err
			}
			return in.pip(ctx, pythonLock)
		},
	}
}

func (in *installer) cudaStage() stage {
	return stage{
		name: "CUDA packages: the XLA plugin for NVIDIA GPUs",
		key:  hash(cudaLock, in.Root),
		run:  func(ctx context.Context) error { return in.pip(ctx, cudaLock) },
	}
}

// hasCUDA tells whether the CUDA packages were installed before.
func (in *installer) hasCUDA() bool {
	_, err := os.Stat(in.stamp(stage{name: "CUDA packages:"}))
	return err == nil
}

// pip installs the packages of a lock.
func (in *installer) pip(ctx context.Context, lock string) error {
	file, err := os.CreateTemp(venv(in.Root), "lock-*.txt")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(lock)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	err = in.command(ctx, venvPython(in.Root), "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
		"--require-hashes", "--only-binary", ":all:", "--progress-bar", "off", "-r", file.Name())
	if err == nil || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w; check the network and run `make setup` again", err)
}

// command runs a command with its lines shown as one changing line; on failure the error is its last line.
func (in *installer) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = in.Root
	cmd.Env = append(os.Environ(), "PYTHONNOUSERSITE=1", "PIP_REQUIRE_VIRTUALENV=", "PYTHONPATH=")
	ticker := newTicker(in.Out)
	defer ticker.end()
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &lines{each: ticker.show, keep: &text}, &lines{each: ticker.show, keep: &text}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s failed: %s", filepath.Base(name), strings.Join(args[:min(3, len(args))], " "), failure(text.String(), err))
	}
	return nil
}

// failure picks the line that tells most out of what a failed command printed.
func failure(text string, err error) string {
	last := ""
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		last = line
		if strings.HasPrefix(line, "ERROR:") || strings.Contains(line, "error:") {
			return line
		}
	}
	if last == "" {
		return err.Error()
	}
	return last
}

func venvPython(root string) string { return filepath.Join(venv(root), "bin", "python") }
