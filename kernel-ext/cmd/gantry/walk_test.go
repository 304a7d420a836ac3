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

// TestWalk holds the walks in docs/how-it-works.md to what the code does, and the code to ways that can be read: none comes back to a
// file that it has left.
func TestWalk(t *testing.T) {
	root, err := setup.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	text := string(read(t, filepath.Join(root, "docs/how-it-works.md")))
	for walk, of := range map[string]struct{ below, stays string }{
		"an execute request":             {"kernel-ext", "eight stays in eight files"},
		"a latent to its image":          {"gan", "Five stays in five files"},
		"a batch to the critic's loss":   {"gan", "Five stays in five files"},
		"an experiment to its trainer":   {"gan", "Four stays in four files"},
		"a checkpoint to a running step": {"gan", "Five stays in five files"},
	} {
		t.Run(walk, func(t *testing.T) {
			_, section, found := strings.Cut(text, "### The walk of "+walk+"\n")
			if !found {
				t.Fatal("it is not there")
			}
			section, _, _ = strings.Cut(section, "\n#")
			files := walked(t, section, filepath.Join(root, of.below))
			if stays := map[int]string{4: "our", 5: "ive", 8: "ight"}[len(files)]; stays == "" || !strings.Contains(section, of.stays) || !strings.Contains(of.stays, stays) {
				t.Errorf("the walk has %d files, and the text says another number", len(files))
			}
		})
	}
}

// walked follows the table of a walk and returns its files, in their order.
func walked(t *testing.T, section, below string) (files []string) {
	from, arrow := map[string]bool(nil), "" // what the function before calls, and how it goes on
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z/]+\\.go)` \\| (.*?) \\|").FindAllStringSubmatch(section, -1) {
		if slices.Contains(files, row[1]) {
			t.Errorf("the walk comes back to %s", row[1])
		}
		files = append(files, row[1])
		calls := callsIn(t, filepath.Join(below, row[1]))
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
	return files
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
