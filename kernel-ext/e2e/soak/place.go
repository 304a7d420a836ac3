//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gantry.local/gan/device"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/setup"
)

// nobody is the second user.
const nobody = 65534

// place is the private place in which all happens: temporary files, runs, connection files. All processes that are
// started in it name it in their environment or arguments.
type place struct {
	dir     string
	tmp     string   // of the kernels; anybody may write there, as to /tmp
	runs    string   // GANTRY_RUNS
	jupyter string   // connection files
	shared  string   // a folder of runs that anybody may write to
	program string   // this one, where the second user can start it
	kernel  []string // how Jupyter starts a kernel, {connection_file} not yet filled in
	environ []string // of kernels
}

func newPlace() (*place, error) {
	root, err := setup.FindRoot()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/tmp", "gantry-soak-")
	if err != nil {
		return nil, err
	}
	p := &place{dir: dir, tmp: filepath.Join(dir, "tmp"), runs: filepath.Join(dir, "runs"), jupyter: filepath.Join(dir, "jupyter"),
		shared: filepath.Join(dir, "shared"), program: filepath.Join(dir, "soak")}
	for folder, mode := range map[string]os.FileMode{dir: 0o711, p.tmp: 0o777 | os.ModeSticky, p.runs: 0o700, p.jupyter: 0o700,
		p.shared: 0o777 | os.ModeSticky, filepath.Join(dir, "state"): 0o700} {
		if err := errors.Join(os.MkdirAll(folder, 0o700), os.Chmod(folder, mode)); err != nil {
			return nil, err
		}
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(p.program, self, 0o755); err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"GANTRY_SOAK": dir, lab.EnvRuns: p.runs, device.EnvRoot: root, "XDG_STATE_HOME": filepath.Join(dir, "state")} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	return p, p.readKernelspec(root)
}

// readKernelspec takes from what set-up wrote how a kernel is started.
func (p *place) readKernelspec(root string) error {
	path := filepath.Join(setup.KernelspecDir(root), "kernel.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("not set up yet; run make setup: %w", err)
	}
	var spec struct {
		Argv []string
		Env  map[string]string
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	p.kernel = spec.Argv
	p.environ = append(os.Environ(), "TMPDIR="+p.tmp, "GOPROXY=off")
	for name, value := range spec.Env {
		p.environ = append(p.environ, name+"="+os.Expand(value, os.Getenv))
	}
	return nil
}

// processes are those of the place that live, by number, with their command lines; this one is not among them.
func (p *place) processes() map[int]string {
	found := map[int]string{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return found
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		environ, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if len(line) > 0 && (bytes.Contains(environ, []byte(p.dir)) || bytes.Contains(line, []byte(p.dir))) { // a zombie has no line
			found[pid] = strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found
}

const endPatience = 15 * time.Second // for what was told to end

// leftOver waits for all of the place to end, lists what does not, processes and files that only a living one has, and
// ends the processes.
func (p *place) leftOver(l *ledger) []string {
	var left []string
	for deadline := time.Now().Add(endPatience); ; time.Sleep(50 * time.Millisecond) {
		left = left[:0]
		for pid, line := range p.processes() {
			left = append(left, fmt.Sprintf("process %d: %.200s", pid, line))
		}
		for _, dir := range []string{p.tmp, p.runs, p.jupyter} {
			filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && path != dir && !expected(p, path) {
					left = append(left, path)
				}
				return nil
			})
		}
		if len(left) == 0 || time.Now().After(deadline) {
			break
		}
	}
	for _, what := range left {
		l.broke("left over: %s", what)
	}
	for pid := range p.processes() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	return left
}

// expected tells whether a file may lie in the place when all has ended: connection files, which are Jupyter's, and what
// the second user made.
func expected(p *place, path string) bool {
	if filepath.Dir(path) == p.jupyter && filepath.Ext(path) == ".json" {
		return true
	}
	info, err := os.Lstat(path)
	if err != nil {
		return true
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) != os.Getuid()
}

// remove removes the place.
func (p *place) remove() { os.RemoveAll(p.dir) }
