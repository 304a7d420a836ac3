package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/kernel-ext/setup"
)

// TestCompilesForMacOS type-checks all packages as they are compiled on macOS. What they import is read from source, and C taken
// as given: a compiler for it is not needed.
func TestCompilesForMacOS(t *testing.T) {
	root, err := setup.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,CgoFiles,ImportMap,Standard", "./...")
	list.Dir = root
	list.Env = append(os.Environ(), "GOOS=darwin", "GOARCH=arm64", "CGO_ENABLED=1", "GOEXPERIMENT=")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	checked := packages{"unsafe": types.Unsafe}
	files := token.NewFileSet()
	own := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Dir   string
			GoFiles, CgoFiles []string
			ImportMap         map[string]string
			Standard          bool
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath == "unsafe" {
			continue
		}
		var parsed []*ast.File
		for _, name := range append(p.GoFiles, p.CgoFiles...) {
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, file)
		}
		ours := strings.HasPrefix(p.ImportPath, "gantry.local/")
		config := types.Config{
			Importer: mapped{checked, p.ImportMap}, FakeImportC: true, IgnoreFuncBodies: !ours, Sizes: types.SizesFor("gc", "arm64"),
			Error: func(err error) {
				if ours {
					t.Error(err)
				}
			},
		}
		checked[p.ImportPath], _ = config.Check(p.ImportPath, files, parsed, nil) // Error has told
		if ours {
			own++
		}
	}
	if own < 40 {
		t.Errorf("only %d packages of the project were checked", own)
	}
}

// packages are those that have been checked, by path.
type packages map[string]*types.Package

// mapped imports what a package of the standard library has for its own under another path.
type mapped struct {
	packages
	paths map[string]string
}

// Import implements types.Importer.
func (m mapped) Import(path string) (*types.Package, error) {
	if other, ok := m.paths[path]; ok {
		path = other
	}
	if p := m.packages[path]; p != nil {
		return p, nil
	}
	return nil, errors.New("not listed before: " + path)
}
