package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gantry.local/kernel-ext/setup"
)

// TestWalk holds docs/how-it-works.md to what the code does with an execute request, and the code to a way that can be read: it comes
// back to no file that it has left.
func TestWalk(t *testing.T) {
	root, err := setup.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	text := string(read(t, filepath.Join(root, "docs/how-it-works.md")))
	_, text, _ = strings.Cut(text, "### The walk of an execute request")
	text, _, _ = strings.Cut(text, "\n#")
	var files []string
	from, arrow := map[string]bool(nil), "" // what the function before calls, and how it goes on
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z/]+\\.go)` \\| (.*?) \\|").FindAllStringSubmatch(text, -1) {
		if slices.Contains(files, row[1]) {
			t.Errorf("the walk comes back to %s", row[1])
		}
		files = append(files, row[1])
		calls := callsIn(t, filepath.Join(root, "kernel-ext", row[1]))
		for _, step := range strings.Fields(row[2]) {
			if step == "→" || step == "⇢" {
				arrow = step
				continue
			}
			name := strings.Trim(step, "`")
			if arrow == "→" && !from[name] {
				t.Errorf("%s: nothing in front of %s calls it", row[1], name)
			}
			if from = calls[name]; from == nil && name != "reply" { // which is a leaf
				t.Errorf("%s has no function %s", row[1], name)
			}
		}
	}
	if len(files) < 5 || len(files) > 8 {
		t.Errorf("the walk has %d files; it is to have at most 8", len(files))
	}
	if !strings.Contains(text, "eight stays in eight files") || len(files) != 8 {
		t.Errorf("the walk has %d files, and the text says another number", len(files))
	}
}

// callsIn lists what the functions of a file call, by name.
func callsIn(t *testing.T, path string) map[string]map[string]bool {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]bool{}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		all[f.Name.Name] = map[string]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				switch called := call.Fun.(type) {
				case *ast.Ident:
					all[f.Name.Name][called.Name] = true
				case *ast.SelectorExpr:
					all[f.Name.Name][called.Sel.Name] = true
				}
			}
			return true
		})
	}
	return all
}
