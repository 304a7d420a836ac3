package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry.local/gan/spec"
)

// partPackages are those whose exported functions and types are parts of experiments, sets, measurements and ways through a
// generator's latents.
func partPackages() []string {
	return []string{"data", "latent", "lint", "loss", "method", "metric", "net", "optim", "recipe", "translate"}
}

// unreached is what only Go reaches, and why that is right. What is reached after all has no place here.
func unreached() map[string]string {
	const onlyGo = "a layer, or a short way to write a part, for networks and experiments of one's own"
	const measured = "what a measurement of one's own, or a look at a critic's gradients, is made of"
	return map[string]string{
		"metric.JudgeGradients": measured, "metric.InputGradient": measured, "metric.CompareSamples": measured, "metric.Kernel": measured,
		"net.Convolution": onlyGo, "net.TransposedConvolution": onlyGo, "net.Dropout": onlyGo, "net.Embedding": onlyGo,
		"net.SpectralDense": onlyGo, "loss.Penalties": onlyGo, "net.SequenceCritic": onlyGo, "optim.NewOptimisticAdam": onlyGo,
	}
}

// TestReach wants every exported function and type of the packages of parts used by a recipe, a spec, a study, a command or a chapter, not
// by its own tests alone.
func TestReach(t *testing.T) {
	root, _ := documents(t)
	declared, used := map[string]string{}, map[string]bool{} // by package.Name
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "runs") {
			return fs.SkipDir
		}
		switch name := entry.Name(); {
		case strings.HasSuffix(name, ".ipynb"):
			text := string(read(t, path))
			for name := range declared {
				used[name] = used[name] || strings.Contains(text, name)
			}
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			folder, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			own := strings.TrimPrefix(filepath.ToSlash(folder), "gan/")
			if !slices.Contains(partPackages(), own) {
				own = ""
			}
			noteNames(file, own, filepath.ToSlash(filepath.Join(folder, entry.Name())), declared, used)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	chapters, err := filepath.Glob(filepath.Join(root, "notebooks", "*.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range chapters {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name := range declared {
			used[name] = used[name] || strings.Contains(string(text), name)
		}
	}
	if len(declared) < 100 {
		t.Fatalf("%d names are declared, which shows nothing", len(declared))
	}
	known := unreached()
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		_, excused := known[name]
		switch {
		case !used[name] && !excused:
			t.Errorf("%s (%s) is used by no recipe, spec, study, command or chapter: make it reachable, or take it out", name, declared[name])
		case used[name] && excused:
			t.Errorf("%s is reached: take it out of unreached", name)
		}
	}
	for name := range known {
		if declared[name] == "" {
			t.Errorf("there is no %s: take it out of unreached", name)
		}
	}
}

// noteNames notes what a file of a package of parts declares, and what of any it uses. A declaration does not use itself.
func noteNames(file *ast.File, own, path string, declared map[string]string, used map[string]bool) {
	imports := map[string]string{} // the package of parts by its name in the file
	for _, i := range file.Imports {
		if of, ours := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "gantry.local/gan/"); ours && slices.Contains(partPackages(), of) {
			name := of
			if i.Name != nil {
				name = i.Name.Name
			}
			imports[name] = of
		}
	}
	for _, declaration := range file.Decls {
		self := ""
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				self = d.Name.Name
			} else {
				self = receiverName(d.Recv.List[0].Type)
			}
			if d.Recv == nil && own != "" && d.Name.IsExported() {
				declared[own+"."+self] = path
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if of, is := s.(*ast.TypeSpec); is {
					self = of.Name.Name
					if own != "" && of.Name.IsExported() {
						declared[own+"."+self] = path
					}
				}
			}
		}
		ast.Inspect(declaration, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, is := n.X.(*ast.Ident); is && imports[x.Name] != "" {
					used[imports[x.Name]+"."+n.Sel.Name] = true
				}
				ast.Inspect(n.X, func(m ast.Node) bool {
					if id, is := m.(*ast.Ident); is && own != "" && id.Name != self {
						used[own+"."+id.Name] = true
					}
					return true
				})
				return false
			case *ast.Ident:
				if own != "" && n.Name != self {
					used[own+"."+n.Name] = true
				}
			}
			return true
		})
	}
}

func receiverName(of ast.Expr) string {
	switch of := of.(type) {
	case *ast.StarExpr:
		return receiverName(of.X)
	case *ast.IndexExpr:
		return receiverName(of.X)
	case *ast.Ident:
		return of.Name
	}
	return ""
}

// TestKeysInDocs wants a line about every key, and every part of every key as `gantry parts` lists it, in docs/recipes-as-files.md.
func TestKeysInDocs(t *testing.T) {
	root, _ := documents(t)
	page := string(read(t, filepath.Join(root, "docs", "recipes-as-files.md")))
	for _, key := range spec.Keys() {
		if !strings.Contains(page, "| `"+key.Name+"` | "+key.About) {
			t.Errorf("docs/recipes-as-files.md has no line | `%s` | %s", key.Name, key.About)
		}
		if key.Parts != "" && !strings.Contains(page, key.Parts) {
			t.Errorf("docs/recipes-as-files.md does not have the parts of %s as `gantry parts %s` lists them", key.Name, key.Name)
		}
	}
}
