package keep_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/kernel-ext/keep"
	"gantry.local/kernel-ext/keep/store"
)

// A notebook does what the kernel does: it makes a program of each cell, builds it, runs it as a process of its own, and
// adopts the values that it has left if it ended well. So addresses and types' descriptors differ from cell to cell.
type notebook struct {
	t       testing.TB
	values  string // folder
	from    string // manifest
	vars    []string
	types   []string
	cells   int
	declare string // declarations that all cells share, with imports
	code    string // entries of Program.Code
	globals string // entries of Program.Globals
	listed  string // entries of Program.Types
	oldVars string // entries of Program.Vars
	more    string // further fields of the Program
}

// newNotebook is a notebook whose variables are declared as in "x int".
func newNotebook(t testing.TB, declare string, vars ...string) *notebook {
	nb := &notebook{t: t, values: filepath.Join(t.TempDir(), "values"), declare: declare}
	if err := os.Mkdir(nb.values, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, v := range vars {
		name, typ, _ := strings.Cut(v, " ")
		nb.vars, nb.types = append(nb.vars, name), append(nb.types, typ)
	}
	return nb
}

// A cell is what one cell of a test does.
type cell struct {
	imports []string
	body    string
	only    []string // the variables that it lists; all if nil
	fresh   []string // variables that it declares anew
	declare string   // declarations of its own
	flags   []string // of go build
	env     []string // of the program
}

// build makes the program of a cell.
func (nb *notebook) build(c cell) string {
	nb.t.Helper()
	dir := nb.t.TempDir()
	need := &needs{}
	if nb.from != "" {
		names := nb.vars
		if c.only != nil {
			names = c.only
		}
		need = needsOf(nb.t, nb.manifest(), names)
	}
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n\t\"gantry.local/kernel-ext/keep\"\n")
	for _, path := range c.imports {
		fmt.Fprintf(&b, "\t%q\n", path)
	}
	for path, alias := range need.aliases {
		fmt.Fprintf(&b, "\t%s %q\n", alias, path)
	}
	b.WriteString(")\n" + nb.declare + "\n" + c.declare + "\n")
	only := map[string]bool{}
	for _, name := range c.only {
		only[name] = true
	}
	var vars strings.Builder
	for i, name := range nb.vars {
		if c.only != nil && !only[name] {
			continue
		}
		fmt.Fprintf(&b, "var %s %s\n", name, nb.types[i])
		fmt.Fprintf(&vars, "{Name: %q, At: &%s, New: %v},\n", name, name, contains(c.fresh, name))
	}
	fmt.Fprintf(&b, "func init() {\n\tkeep.Begin(keep.Program{Cell: %d, Vars: []keep.Var{\n%s%s},\n%s\nTypes: []any{%s %s},\nGlobals: map[string]any{%s\n%s},\nCode: map[string]any{%s\n%s}})\n}\n",
		nb.cells+1, vars.String(), nb.oldVars, nb.more, nb.listed, strings.Join(need.types, ", "), nb.globals, strings.Join(need.globals, "\n"), nb.code, strings.Join(need.code, "\n"))
	fmt.Fprintf(&b, "func fail(what string) { println(\"FAIL\", what); failed = true }\nvar failed bool\n")
	fmt.Fprintf(&b, "func main() {\n%s\nif failed { panic(\"failed\") }\nkeep.End()\n}\n", c.body)
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte(b.String()), 0o600); err != nil {
		nb.t.Fatal(err)
	}
	out := filepath.Join(dir, "program")
	args := append([]string{"build", "-mod=mod", "-modfile=" + nb.module(dir), "-ldflags=-s -w -linkmode=internal", "-o", out}, c.flags...)
	cmd := exec.Command("go", append(args, source)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	for _, flag := range c.flags {
		if flag == "-race" {
			cmd.Env = os.Environ()
		}
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		nb.t.Fatalf("cell %d does not build: %v\n%s", nb.cells+1, err, said)
	}
	return out
}

// module writes a go.mod beside a cell that needs gonum too, as a user's cell may, and returns its path.
func (nb *notebook) module(dir string) string {
	nb.t.Helper()
	root := filepath.Join("..", "..")
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		nb.t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		nb.t.Fatal(err)
	}
	path := filepath.Join(dir, "go.mod")
	if err := os.WriteFile(path, append(mod, "\nrequire gonum.org/v1/gonum v0.16.0\n"...), 0o600); err != nil {
		nb.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o600); err != nil {
		nb.t.Fatal(err)
	}
	return path
}

func contains(list []string, s string) bool {
	for _, each := range list {
		if each == s {
			return true
		}
	}
	return false
}

// command starts a cell's program in the notebook.
func (nb *notebook) command(program, to string, env ...string) *exec.Cmd {
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), keep.EnvDir+"="+nb.values, keep.EnvFrom+"="+nb.from, keep.EnvTo+"="+to)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// run builds and runs a cell, which must end well, and returns what it printed.
func (nb *notebook) run(c cell) string {
	nb.t.Helper()
	out, err := nb.try(c)
	if err != nil {
		nb.t.Fatalf("cell %d: %v\n%s", nb.cells, err, out)
	}
	return out
}

func (nb *notebook) try(c cell) (string, error) {
	nb.t.Helper()
	return nb.start(nb.build(c), c.env...)
}

// start runs a cell's program.
func (nb *notebook) start(program string, env ...string) (string, error) {
	nb.cells++
	to := fmt.Sprintf("m%d", nb.cells)
	out, err := nb.command(program, to, env...).CombinedOutput()
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
