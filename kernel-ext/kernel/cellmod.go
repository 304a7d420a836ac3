package kernel

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"gantry.local/kernel-ext/internal/wholefile"
)

// projectModule is the module that cells import the project's packages from.
const projectModule = "gantry.local"

// cellModule is the Go module in which GoNB builds cells. GoNB makes it empty and lets `go get` fill it in, at each
// cell, with whatever versions float by; pin makes it require exactly what the project requires, the project included.
type cellModule struct {
	dir     string // GoNB's folder for this kernel's cells
	project string // root of the project
}

// findCellModule looks for the folder that GoNB makes, gonb_<id>, in its temporary folder.
func findCellModule(temp, project string) (*cellModule, error) {
	found, err := filepath.Glob(filepath.Join(temp, "gonb_*", "go.mod"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("expected one cell module of GoNB in %s, found %d", temp, len(found))
	}
	return &cellModule{dir: filepath.Dir(found[0]), project: project}, nil
}

// pinned tells whether the cell module still requires the project. GoNB's %reset writes a new, empty go.mod. A go.mod
// that is not there counts as pinned: GoNB is about to write it and fails if someone else did.
func (c *cellModule) pinned() bool {
	text, err := os.ReadFile(filepath.Join(c.dir, "go.mod"))
	return err != nil || bytes.Contains(text, []byte(projectModule))
}

// pin writes the cell module's go.mod and go.sum from the project's. It does not wait for the disk: behind a %reset it
// must be done before GoNB builds, see keepPinned.
func (c *cellModule) pin() error {
	path := filepath.Join(c.project, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	mod, err := modfile.Parse(path, text, nil)
	if err != nil {
		return err
	}
	if mod.Module == nil || mod.Module.Mod.Path != projectModule {
		return fmt.Errorf("%s is not the go.mod of module %s", path, projectModule)
	}
	if err := mod.AddModuleStmt(filepath.Base(c.dir)); err != nil {
		return err
	}
	for _, t := range append([]*modfile.Tool(nil), mod.Tool...) {
		if err := mod.DropTool(t.Path); err != nil {
			return err
		}
	}
	for _, r := range append([]*modfile.Replace(nil), mod.Replace...) {
		if r.New.Version == "" && !filepath.IsAbs(r.New.Path) { // relative to the project, not to the cell
			to := filepath.Join(c.project, r.New.Path)
			if err := mod.AddReplace(r.Old.Path, r.Old.Version, to, ""); err != nil {
				return err
			}
		}
	}
	if err := mod.AddRequire(projectModule, "v0.0.0"); err != nil {
		return err
	}
	if err := mod.AddReplace(projectModule, "", c.project, ""); err != nil {
		return err
	}
	mod.Cleanup()
	text, err = mod.Format()
	if err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(c.project, "go.sum"))
	if err != nil {
		return err
	}
	// go.sum first: a build between the two finds sums it does not need, never a requirement without its sum.
	if err := wholefile.WriteTransient(filepath.Join(c.dir, "go.sum"), sum, 0o600); err != nil {
		return err
	}
	return wholefile.WriteTransient(filepath.Join(c.dir, "go.mod"), text, 0o600)
}

// cellBuildFlags are the go flags of a cell's build. Leaving out debug information (-w) and linking without the
// external linker halves the time to link a GoMLX program; see docs/decisions/0002-kernel-proxy.md.
const cellBuildFlags = "'-ldflags=-w -linkmode=internal'"

// BuildFlags is the GOFLAGS that cells are built with, given the GOFLAGS that a person set. It adds flags for quick
// linking, unless there are -ldflags already, and takes out -mod=mod, with which each build would fetch what a cell imports in whatever version is newest.
func BuildFlags(goflags string) string {
	goflags = strings.ReplaceAll(goflags, "-mod=mod", "")
	if !strings.Contains(goflags, "-ldflags") {
		goflags += " " + cellBuildFlags
	}
	return strings.TrimSpace(goflags)
}
