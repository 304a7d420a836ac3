package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"gantry.local/kernel-ext/internal/wholefile"
)

// projectModule is the module that cells import the project's packages from.
const projectModule = "gantry.local"

// projectFile reads the project's go.mod.
func projectFile(root string) (*modfile.File, error) {
	path := filepath.Join(root, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse(path, text, nil)
	if err != nil {
		return nil, err
	}
	if file.Module == nil || file.Module.Mod.Path != projectModule {
		return nil, fmt.Errorf("%s is not the go.mod of module %s", path, projectModule)
	}
	return file, nil
}

// WriteModule writes go.mod and go.sum of the module in which cells are built to dir: it is called name, and requires
// exactly what the project at root requires, and the project itself; what cells use of GoNB's module is the engine's copy,
// in which programs wait until what they show has been taken. GoNB would make it empty and let `go get` fill it in,
// at each cell, with whatever versions float by.
func WriteModule(root, dir, name string) error {
	file, err := projectFile(root)
	if err != nil {
		return err
	}
	if err := file.AddModuleStmt(name); err != nil {
		return err
	}
	for _, t := range append([]*modfile.Tool(nil), file.Tool...) {
		if err := file.DropTool(t.Path); err != nil {
			return err
		}
	}
	for _, r := range append([]*modfile.Replace(nil), file.Replace...) {
		if r.New.Version == "" && !filepath.IsAbs(r.New.Path) { // relative to the project, not to the cell
			to := filepath.Join(root, r.New.Path)
			if err := file.AddReplace(r.Old.Path, r.Old.Version, to, ""); err != nil {
				return err
			}
		}
	}
	if err := file.AddRequire(projectModule, "v0.0.0"); err != nil {
		return err
	}
	if err := file.AddReplace(projectModule, "", root, ""); err != nil {
		return err
	}
	if copied := CopiedModule(root); copied != "" {
		if err := file.AddReplace(module, "", copied, ""); err != nil {
			return err
		}
	}
	file.Cleanup()
	return writeModule(file, root, filepath.Join(dir, "go.mod"), 0o600)
}

// writeModule writes a go.mod file, and beside it the go.sum of the project at root.
func writeModule(file *modfile.File, root, path string, mode os.FileMode) error {
	text, err := file.Format()
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	if err := wholefile.WriteTransient(strings.TrimSuffix(path, ".mod")+".sum", sums, mode); err != nil {
		return err
	}
	return wholefile.WriteTransient(path, text, mode)
}

// CopiedModule is the engine's copy of GoNB's module in the checkout at root; empty: there is none.
func CopiedModule(root string) string {
	copied := filepath.Join(copiedTo(root), "gonb")
	if _, err := os.Stat(copied); err != nil {
		return ""
	}
	return copied
}

// cellBuildFlags are the go flags of a cell's build. Leaving out debug information (-w) and the symbol table (-s), which
// a panic does without, and linking without the external linker halves the time to link a GoMLX program; see
// docs/decisions/0010-fast-cells.md.
const cellBuildFlags = "'-ldflags=-s -w -linkmode=internal'"

// BuildFlags is the GOFLAGS that cells are built with, given the GOFLAGS that a person set. It adds flags for quick
// linking, unless there are -ldflags already, and takes out -mod=mod, with which each build would fetch what a cell imports in whatever version is newest.
func BuildFlags(goflags string) string {
	goflags = strings.ReplaceAll(goflags, "-mod=mod", "")
	if !strings.Contains(goflags, "-ldflags") {
		goflags += " " + cellBuildFlags
	}
	return strings.TrimSpace(goflags)
}
