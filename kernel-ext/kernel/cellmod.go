package kernel

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

// cellModule is the Go module in which GoNB builds cells.
type cellModule struct {
	dir string // GoNB's folder for this kernel's cells
}

// program is where the program of the latest cell is.
func (c *cellModule) program() string { return program(c.dir) }

// findCellModule looks for the folder that GoNB makes, gonb_<id>, in its temporary folder.
func findCellModule(temp string) (*cellModule, error) {
	found, err := filepath.Glob(filepath.Join(temp, "gonb_*", "go.mod"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("expected one cell module of GoNB in %s, found %d", temp, len(found))
	}
	return &cellModule{dir: filepath.Dir(found[0])}, nil
}

// pin writes what the module of cells requires: exactly what the project at root requires, and the project itself.
// GoNB makes the module empty and lets `go get` fill it in, at each cell, with whatever versions float by; here its
// `go mod init` is answered with these files, at the start and at each %reset, see scripts. mod gets all of a go.mod
// but the line with the module's name.
func pin(root, mod, sum string) error {
	path := filepath.Join(root, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := modfile.Parse(path, text, nil)
	if err != nil {
		return err
	}
	if file.Module == nil || file.Module.Mod.Path != projectModule {
		return fmt.Errorf("%s is not the go.mod of module %s", path, projectModule)
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
	file.Module.Syntax.Token = nil // Cleanup takes the line out
	file.Cleanup()
	text, err = file.Format()
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	if err := wholefile.WriteTransient(sum, sums, 0o600); err != nil {
		return err
	}
	return wholefile.WriteTransient(mod, text, 0o600)
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
