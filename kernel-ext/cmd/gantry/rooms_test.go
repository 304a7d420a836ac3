package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry.local/kernel-ext/setup"
)

// rooms are the packages that a kernel is made of, from the bottom up: each imports only those in front of it.
func rooms() []string {
	return []string{
		"internal/framed", "internal/group", "internal/importspec", "internal/lastwords", "internal/private", "internal/proc", "internal/wholefile",
		"jupyter/zmtp", "jupyter", "history", "golang", "channel", "comms", "cell", "engine/wire", "engine", "failure",
		"analysis", "keep/store", "keep", "value", "kernel",
	}
}

// TestRooms holds the arrows between the packages of a kernel, which point one way, and the names of their types: one that
// no package's name stands in front of says by itself what it is.
func TestRooms(t *testing.T) {
	root, err := setup.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	const module = "gantry.local/kernel-ext/"
	named := map[string]string{}
	for i, room := range rooms() {
		list := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, module+room)
		list.Dir = root
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		for imported := range strings.Lines(string(out)) {
			own, ours := strings.CutPrefix(strings.TrimSpace(imported), module)
			if ours && !slices.Contains(rooms()[:i], own) {
				t.Errorf("%s imports %s, which is not below it", room, own)
			}
		}
		if room == "keep" || room == "value" {
			continue // which are of cells' programs; the kernel only knows their files
		}
		for _, name := range ownTypes(t, filepath.Join(root, "kernel-ext", room)) {
			if other, taken := named[name]; taken && other != room {
				t.Errorf("%s and %s both have a type %s", other, room, name)
			}
			named[name] = room
		}
	}
}

// ownTypes lists the types that a package declares for itself, tests aside.
func ownTypes(t *testing.T, dir string) []string {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if d, ok := d.(*ast.GenDecl); ok {
				for _, spec := range d.Specs {
					if s, ok := spec.(*ast.TypeSpec); ok && !s.Name.IsExported() {
						names = append(names, s.Name.Name)
					}
				}
			}
		}
	}
	return names
}
