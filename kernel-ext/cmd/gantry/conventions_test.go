package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/kernel-ext/setup"
)

// TestConventions holds the borders between packages and the habits that every file follows.
func TestConventions(t *testing.T) {
	root, err := setup.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{.Dir}} {{join .Imports ","}}`, "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), " ") // one that imports nothing ends in a space
		path, dir := strings.TrimPrefix(fields[0], "gantry.local/"), fields[1]
		for _, imported := range strings.Split(fields[2], ",") {
			switch {
			case strings.HasPrefix(path, "gan") && (strings.Contains(imported, "kernel-ext") || strings.Contains(imported, "gonb")):
				t.Errorf("%s imports %s: the library knows no Jupyter", path, imported)
			case path == "kernel-ext/show" && imported != "gantry.local/gan/sample" && (strings.Contains(imported, "gantry.local/gan") || strings.Contains(imported, "gomlx")):
				t.Errorf("%s imports %s: pictures know no GAN", path, imported)
			case path == "gan/sample" && strings.Contains(imported, ".") && !strings.HasPrefix(imported, "gantry.local/gan/internal/"):
				t.Errorf("%s imports %s: samples are the ground, which stands on nothing", path, imported)
			case path != "kernel-ext/cmd/gantry" && (imported == "flag" || strings.Contains(imported, "cobra")):
				t.Errorf("%s reads flags", path)
			}
		}
		checkComments(t, path, dir)
	}
}

// checkComments wants one package comment in each package and a comment on every exported name.
func checkComments(t *testing.T, path, dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	packageComments := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if file.Doc != nil {
			packageComments++
		}
		missing := func(name string) { t.Errorf("%s.%s has no doc comment", path, name) }
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
					missing(d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
							missing(s.Name.Name)
						}
					case *ast.ValueSpec:
						for _, name := range s.Names {
							if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
								missing(name.Name)
							}
						}
					}
				}
			}
		}
	}
	if packageComments != 1 {
		t.Errorf("%s has %d package comments, want 1", path, packageComments)
	}
}

// exportedReceiver tells whether a function is no method, or one of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	receiver := d.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	name, ok := receiver.(*ast.Ident)
	return ok && name.IsExported()
}
