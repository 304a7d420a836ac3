package keep_test

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gantry.local/kernel-ext/keep/store"
)

// needs is what a cell's program must mention, by what the manifest says of the values that it lists.
type needs struct {
	aliases map[string]string // of packages
	types   []string          // expressions of nil pointers
	code    []string          // entries of Program.Code
	globals []string          // entries of Program.Globals
}

// needsOf is what the variables of these names need.
func needsOf(t testing.TB, m *store.Manifest, names []string) *needs {
	n := &needs{aliases: map[string]string{}}
	done := map[string]bool{}
	for _, name := range names {
		v := m.Value(name)
		if v == nil || v.Cluster == store.NotKept {
			continue
		}
		for _, typ := range m.Clusters[v.Cluster].Types {
			switch {
			case done[typ.Expr]:
			case typ.Nameable:
				n.types = append(n.types, "(*"+n.inGo(typ)+")(nil)")
			default:
				for _, path := range typ.Packages {
					if !done[path] && !strings.HasPrefix(path, "internal/") {
						done[path] = true
						n.all(t, path)
					}
				}
			}
			done[typ.Expr] = true
		}
	}
	return n
}

func (n *needs) alias(path string) string {
	if n.aliases[path] == "" {
		n.aliases[path] = "need" + strconv.Itoa(len(n.aliases))
	}
	return n.aliases[path]
}

func (n *needs) inGo(typ store.Type) string {
	text := strings.ReplaceAll(typ.Expr, `"main".`, "")
	for _, path := range typ.Packages {
		text = strings.ReplaceAll(text, strconv.Quote(path)+".", n.alias(path)+".")
	}
	return text
}

// all mentions all exported functions and variables of a package, so that the linker keeps what they make.
func (n *needs) all(t testing.TB, path string) {
	pkg, err := build.Import(path, filepath.Join("..", ".."), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range pkg.GoFiles {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(pkg.Dir, file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Type.TypeParams == nil && d.Name.IsExported() {
					n.code = append(n.code, fmt.Sprintf("%q: %s.%s,", path+"."+d.Name.Name, n.alias(path), d.Name.Name))
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR {
						for _, name := range v.Names {
							if name.IsExported() {
								n.globals = append(n.globals, fmt.Sprintf("%q: %s.%s,", path+"."+name.Name, n.alias(path), name.Name))
							}
						}
					}
				}
			}
		}
	}
}
