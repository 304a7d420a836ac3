package analysis

import (
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"strings"
	"testing"

	"gantry.local/kernel-ext/golang"
)

// compiled finds packages of the standard library as the go command has them.
func compiled(t *testing.T) *Packages {
	t.Helper()
	known := map[string]string{}
	return NewPackages(func(_ context.Context, paths []string) (map[string]string, error) {
		lacking := false
		for _, p := range paths {
			lacking = lacking || known[p] == ""
		}
		if lacking {
			args := append([]string{"list", "-export", "-deps", "-json=ImportPath,Export", "--"}, paths...)
			out, err := exec.Command("go", args...).Output()
			if err != nil {
				return nil, err
			}
			d := json.NewDecoder(strings.NewReader(string(out)))
			for {
				var p struct{ ImportPath, Export string }
				if err := d.Decode(&p); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					return nil, err
				}
				known[p.ImportPath] = p.Export
			}
		}
		return known, nil
	})
}

// standard knows the imports that the tests use.
func standard(_ context.Context, source string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", source, 0)
	if err != nil {
		return nil, err
	}
	var specs []string
	for _, name := range file.Unresolved {
		if path := map[string]string{"fmt": "fmt", "strconv": "strconv", "strings": "strings", "errors": "errors", "os": "os"}[name.Name]; path != "" {
			spec := `"` + path + `"`
			if !strings.Contains(strings.Join(specs, " "), spec) {
				specs = append(specs, spec)
			}
		}
	}
	_ = ast.IsExported
	return specs, nil
}

// TestShape prints what becomes of some cells; for the eye.
func TestShape(t *testing.T) {
	n := &Notebook{Packages: compiled(t), Imports: standard, Earlier: ReadEarlier(`package main

import (
	"context"
	"fmt"
	. "math"
	_ "image/png"
)

type P struct{ X int }

const (
	A = iota
	B
)

var (
	x int
	err error
	gantryV_strings []string
	p *P
)

func (p *P) Get() int { return p.X }

func bump() { x++ }

func far() float64 { return Sin(0) }
`), Values: map[string]Value{"x": {Cell: 1}, "err": {Cell: 1, Group: 2}, "strings": {Cell: 2, Group: 3}, "p": {Cell: 3, Group: 4, Types: []string{"main.P"}}}}
	for _, code := range []string{
		"y := 3\ny + x",
		"fmt.Println(\"hi\")",
		"n, err := strconv.Atoi(\"12x\")\nn",
		"x := fmt.Sprint(x)\nx",
		"strings = append(strings, \"a\")\nlen(strings)",
		"func twice() int { return z * 2 }\nz := 4\ntwice()",
		"var a = b + 1\nvar b = f()\nfunc f() int { return 7 }",
		"p.Get()",
		"bump(); x",
		"%%\nif v, err := strconv.Atoi(\"1\"); true { q := 3 }\nfor i, c := range \"abc\" { }",
		"fmt := 3\nfmt + 1",
		"import \"os\"\nfunc main() { fmt.Println(len(os.Args)) }",
		"x +",
		"x := undefined(3)",
		"w := 1\nw.foo()",
		"func counter() func() int {\n\ti := 0\n\treturn func() int { i++; return func() int { i++; return i }() + i }\n}\nc := counter()\nc()",
		"n := 1\nf := func(a int) func() int {\n\treturn func() int { n += a; return n }\n}\nf(2)()",
	} {
		c, err := n.Read(t.Context(), golang.Read(code), 7)
		t.Logf("=== %s\n--- %v", code, err)
		if c != nil {
			t.Logf("problems %v\n%s\nlines %v\nleave %v forget %v revert %v values %v\n--- beside\n%s", c.Problems, c.Code, c.Lines, c.Leave, c.Forget, c.Revert, c.Values, c.Beside)
		}
	}
}
