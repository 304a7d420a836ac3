package kernel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	cellbuild "gantry.local/kernel-ext/cell"
	"gantry.local/kernel-ext/engine"
	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/internal/wholefile"
)

// findPackages finds compiled packages by what is known of quick builds, or asks the go command, which compiles them. What the module of
// cells lacks is fetched, as GoNB does it.
func (h *engineHost) findPackages(ctx context.Context, paths []string) (map[string]string, error) {
	if found, err := cellbuild.Archives(h.goTool, h.dir, h.environment, paths); err == nil {
		return found, nil
	}
	if len(paths) == 0 {
		return nil, nil
	}
	list := []string{"list", "-export", "-deps", "-json=ImportPath,Export", "--"}
	text, err := h.runTool(ctx, h.goTool, append(list, paths...)...)
	if err != nil && lacksModule(err.Error()) {
		list = slices.Insert(list, 1, "-mod=mod")
		if again, failed := h.runTool(ctx, h.goTool, append(list, paths...)...); failed == nil {
			text, err = again, nil
		}
	}
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct{ ImportPath, Export string }
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		found[p.ImportPath] = p.Export
	}
}

// lacksModule tells whether the go command says that go.mod or go.sum lack something.
func lacksModule(said string) bool {
	return slices.ContainsFunc([]string{"no required module provides package", "updates to go.mod needed", "missing go.sum entry"},
		func(words string) bool { return strings.Contains(said, words) })
}

// runTool runs a tool in the folder of cells and returns what it prints; the error is what it says. Nothing of it outlives the kernel.
func (h *engineHost) runTool(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = h.dir, h.environment
	cmd.SysProcAttr = engine.OwnSession()
	cmd.Cancel = func() error { engine.KillSession(cmd.Process.Pid); return nil }
	cmd.WaitDelay = time.Second
	var printed, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &wrong
	runtime.LockOSThread() // the process ends with the thread that started it
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	if err == nil {
		err = errors.Join(h.guard.Also(cmd.Process.Pid), cmd.Wait(), h.guard.NoLonger(cmd.Process.Pid))
	}
	if said := strings.TrimSpace(wrong.String()); err != nil && said != "" {
		return nil, errors.New(said)
	}
	return printed.Bytes(), err
}

// findImports finds the imports that a program lacks, with goimports, unless that is known. To a name alone it gives all packages that were
// found under it, for other cells too.
func (v *values) findImports(ctx context.Context, h *engineHost, source string, lacking []string) ([]string, error) {
	key := strings.Join(lacking, "\n")
	if known, ok := v.imports[key]; ok {
		return known, nil
	}
	file := filepath.Join(h.dir, "main.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		return nil, err
	}
	if _, err := h.runTool(ctx, h.goimports, "-w", file); err != nil {
		return nil, err
	}
	found, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	added := golang.AddedImports(source, string(found))
	for name, spec := range added {
		if !slices.Contains(v.imports[name], spec) {
			v.imports[name] = append(v.imports[name], spec)
		}
	}
	if !strings.Contains(key, " ") { // a name alone, which may be none of a package
		specs := v.imports[key]
		v.imports[key] = specs
		return specs, nil
	}
	specs := slices.Sorted(maps.Values(added))
	if len(specs) >= len(lacking) { // all: what was not found may be there later
		v.imports[key] = specs
	}
	return specs, nil
}

// layBeside lays the file beside the program of a cell, or takes that of an earlier one away.
func (h *engineHost) layBeside(text string) error {
	path := filepath.Join(h.dir, cellbuild.BesideFile)
	if text != "" {
		return wholefile.WriteTransient(path, []byte(text), 0o600)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
