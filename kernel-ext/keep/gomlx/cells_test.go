package keepgomlx_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gantry.local/kernel-ext/keep"
	"gantry.local/kernel-ext/keep/store"
)

// A notebook does what the kernel does: it makes a program of each cell, which names what the manifest says that its values
// need, builds it, runs it as a process of its own, and adopts the values that it leaves.
type notebook struct {
	t       testing.TB
	dir     string // of the cells' programs, within the module
	values  string
	from    string   // manifest
	vars    []string // name and type
	declare string   // functions and types that all cells share
	imports []string
	cells   int
}

func newNotebook(t testing.TB, imports []string, declare string, vars ...string) *notebook {
	t.Helper()
	dir, err := os.MkdirTemp(".", "cells-") // so that the module's imports resolve
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &notebook{t: t, dir: dir, values: t.TempDir(), vars: vars, declare: declare, imports: imports}
}

// build makes the program of a cell that can reach the variables of these names, or all.
func (nb *notebook) build(body string, only ...string) string {
	nb.t.Helper()
	imports := map[string]string{"gantry.local/kernel-ext/keep": "keep", "gantry.local/kernel-ext/keep/gomlx": "keepgomlx"}
	for _, path := range nb.imports {
		name := path[strings.LastIndex(path, "/")+1:]
		if name == "v2" {
			name = "rand"
		}
		imports[path] = name
	}
	alias := func(path string) string {
		if imports[path] == "" {
			imports[path] = fmt.Sprint("need", len(imports))
		}
		return imports[path]
	}
	inGo := func(t store.Type) string {
		text := strings.ReplaceAll(t.Expr, `"main".`, "")
		for _, path := range t.Packages {
			text = strings.ReplaceAll(text, strconv.Quote(path)+".", alias(path)+".")
		}
		return text
	}
	var vars, declared, code, types strings.Builder
	for _, f := range regexp.MustCompile(`(?m)^func (\w+)\(`).FindAllStringSubmatch(nb.declare, -1) {
		fmt.Fprintf(&code, "\"main.%s\": %s,\n", f[1], f[1])
	}
	for _, v := range nb.vars {
		name, typ, _ := strings.Cut(v, " ")
		if len(only) > 0 && !slices.Contains(only, name) {
			continue
		}
		fmt.Fprintf(&declared, "var %s %s\n", name, typ)
		fmt.Fprintf(&vars, "{Name: %q, At: &%s},\n", name, name)
		if nb.from == "" {
			continue
		}
		was := nb.manifest().Value(name)
		if was == nil || was.Cluster == store.NotKept {
			continue
		}
		uses := nb.manifest().Clusters[was.Cluster].Uses
		for _, f := range uses.Code {
			if expr := store.FunctionNamed(f); expr.Nameable && !strings.Contains(code.String(), strconv.Quote(f)) {
				fmt.Fprintf(&code, "%q: %s,\n", f, inGo(expr))
			} else if !expr.Nameable {
				nb.t.Logf("%s of %s cannot be named", f, name)
			}
		}
		for _, t := range append(uses.Types, uses.StandIns...) {
			for _, path := range t.Packages {
				alias(path)
			}
			if t.Nameable {
				fmt.Fprintf(&types, "(*%s)(nil),\n", inGo(t))
			}
		}
	}
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n")
	for path, name := range imports {
		fmt.Fprintf(&b, "\t%s %q\n", name, path)
		if !strings.Contains(nb.declare+body+declared.String()+code.String()+types.String(), name+".") && !strings.HasPrefix(name, "keep") {
			fmt.Fprintf(&b, "\t_ %q\n", path)
			b2 := strings.Replace(b.String(), fmt.Sprintf("\t%s %q\n", name, path), "", 1)
			b.Reset()
			b.WriteString(b2)
		}
	}
	fmt.Fprintf(&b, ")\n%s\n%s\nfunc init() {\n\tkeep.Begin(keep.Program{Cell: %d, Vars: []keep.Var{\n%s},\nCode: map[string]any{\n%s},\nTypes: []any{\n%s},\n"+
		"Adapters: keepgomlx.Adapters()})\n}\n", nb.declare, declared.String(), nb.cells+1, vars.String(), code.String(), types.String())
	fmt.Fprintf(&b, "func check(err error) { if err != nil { println(err.Error()); panic(err) } }\n"+
		"func must[T any](value T, err error) T { check(err); return value }\n"+
		"func main() {\n%s\nkeep.End()\n}\nvar cell%d int\n", body, nb.cells+1)
	dir := filepath.Join(nb.dir, fmt.Sprint("cell", nb.cells+1))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		nb.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(b.String()), 0o600); err != nil {
		nb.t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "./"+dir)
	if said, err := cmd.CombinedOutput(); err != nil {
		nb.t.Fatalf("cell %d does not build: %v\n%s\n%s", nb.cells+1, err, said, b.String())
	}
	return program
}

// run runs a cell, which must end well, and returns what it printed.
func (nb *notebook) run(body string, only ...string) string {
	nb.t.Helper()
	out, err := nb.try(body, only...)
	if err != nil {
		nb.t.Fatalf("cell %d: %v\n%s", nb.cells, err, out)
	}
	return out
}

func (nb *notebook) try(body string, only ...string) (string, error) {
	nb.t.Helper()
	program, err := filepath.Abs(nb.build(body, only...))
	if err != nil {
		nb.t.Fatal(err)
	}
	nb.cells++
	to := fmt.Sprint("m", nb.cells)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), keep.EnvDir+"="+nb.values, keep.EnvFrom+"="+nb.from, keep.EnvTo+"="+to)
	out, err := cmd.CombinedOutput()
	if err == nil {
		nb.from = to
	}
	return string(out), err
}

func (nb *notebook) manifest() *store.Manifest {
	nb.t.Helper()
	m, err := store.ReadManifest(nb.values, nb.from)
	if err != nil {
		nb.t.Fatal(err)
	}
	return m
}

// allKept wants every variable to have been kept.
func (nb *notebook) allKept() {
	nb.t.Helper()
	for _, v := range nb.manifest().Values {
		if v.Why != "" {
			nb.t.Errorf("%s %s is not kept: %s", v.Name, v.Type, v.Why)
		}
	}
}
