package analysis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"math/rand/v2"
	"os/exec"
	"slices"
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
			if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
				return nil, errors.New(string(failed.Stderr))
			} else if err != nil {
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
func standard(_ context.Context, source string, _ []string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", source, 0)
	if err != nil {
		return nil, err
	}
	var specs []string
	for _, name := range file.Unresolved {
		if path := map[string]string{"fmt": "fmt", "strconv": "strconv", "strings": "strings", "errors": "errors", "os": "os", "sort": "sort", "flag": "flag"}[name.Name]; path != "" {
			spec := `"` + path + `"`
			if !strings.Contains(strings.Join(specs, " "), spec) {
				specs = append(specs, spec)
			}
		}
	}
	return specs, nil
}

// book is a notebook with a few cells behind it.
func book(t *testing.T) *Notebook {
	return &Notebook{Packages: compiled(t), Imports: standard, Serial: 3, Earlier: golang.ReadEarlier(`package main

import (
	"fmt"
	. "math"
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
	ch chan int
)

func (p *P) Get() int { return p.X }

func bump() { x++ }

func far() float64 { return Sin(0) }

func send() { ch <- 1 }
`), Values: map[string]Value{
		"x": {Cell: 1, Group: 1}, "err": {Cell: 1, Group: 2}, "strings": {Cell: 2, Group: 3}, "p": {Cell: 3, Group: 4, Cells: []string{"P"}},
		"ch": {Cell: 4, Group: -1, Why: "it holds a channel, which does not outlive its cell"},
	}}
}

func read(t *testing.T, code string) *Cell {
	t.Helper()
	c, err := book(t).Read(t.Context(), golang.Read(code), 7)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestComposed reads cells and compares what GoNB gets, line by line with where the lines come from; lines of ours that only frame the
// program are left out.
func TestComposed(t *testing.T) {
	frame := []string{"func main() {", "func() {", "}()", "gantryEnd()", "}", "defer gantryRest()", ""}
	for code, want := range map[string]string{
		"y := 3\ny + x":                                               "-: var y int|0: y  = 3|1: gantryShow(y + x)",
		"fmt.Println(\"hi\")":                                         "0: fmt.Println(\"hi\")",
		"n, err := strconv.Atoi(\"1\")":                               "-: var n int|0: n, err  = strconv.Atoi(\"1\")",
		"x := fmt.Sprint(x)":                                          "-: var x string|0: x  = fmt.Sprint(gantryOld_x)",
		"strings = append(strings, \"a\")\nlen(strings)":              "0: gantryV_strings = append(gantryV_strings, \"a\")|1: gantryShow(len(gantryV_strings))",
		"// doc\nfunc twice() int { return z * 2 }\nz := 4\ntwice();": "0: // doc|1: func twice() int { return z * 2 }|-: var z int|2: z  = 4|3: twice()",
		"var a = b + 1\nvar b = f()\nfunc f() int { return 7 }":       "2: func f() int { return 7 }|-: var a int|-: var b int|1:     b = f()|0:     a = b + 1",
		"var x = x + 1":                                               "-: var x int|0:     x = gantryOld_x + 1; gantryAt_x = &x",
		"var (\n\tq int\n\tr = 2\n)":                                  "-: var q int|-: var r int|-:  _ = q|2:  r = 2",
		"%%\nfor i, c := range \"a\" { d := 1 }":                      "0: %%|1: for i, c := range \"a\" {; _ = i;; _ = c; d := 1; _ = d; }",
		"fmt := 3\nfmt + 1":                                           "-: var gantryV_fmt int|0: gantryV_fmt  = 3|1: gantryShow(gantryV_fmt + 1)",
		"!ls\n%args a\nfmt.Println()":                                 "0: !ls|1: %args a|2: fmt.Println()",
		"func counter() func() int {\n\ti := 0\n\treturn func() int { i++; return i }\n}": "0: func counter() func() int {|1: \ti := 0|2: \treturn gantryLit3_1(&struct{ v0 *int }{&i})|-: //go:noinline|2: func gantryLit3_1(gantryC *struct{ v0 *int }) func() int { return func() int { (*gantryC.v0)++; return (*gantryC.v0) } }",
		"sort.Slice([]int{2, 1}, func(i, j int) bool { return i < j })":                   "0: sort.Slice([]int{2, 1}, func(i, j int) bool { return i < j })",
		"import _ \"image/png\"": "0: import gantryB_image_png \"image/png\"",
		"var name = flag.String(\"name\", \"\", \"\")\n%% --name=x\n*name;": "0: var name = flag.String(\"name\", \"\", \"\")|1: %% --name=x|2: _ = *name",
		"func main() { fmt.Println(x) }":                                    "0:  fmt.Println(x) ",
		"func main() { y := 1; _ = y }\nx, 2":                               "0:  y := 1; _ = y ",
		"func() error { return nil }()":                                     "0: gantryFail(func() error { return nil }())",
	} {
		c := read(t, code)
		if len(c.Problems) > 0 {
			t.Errorf("%q: %v", code, c.Problems)
			continue
		}
		var got []string
		for i, line := range strings.Split(c.Code, "\n") {
			if slices.Contains(frame, line) {
				continue
			}
			place := "-"
			if c.Lines[i] >= 0 {
				place = fmt.Sprint(c.Lines[i])
			}
			got = append(got, place+": "+line)
		}
		if text := strings.Join(got, "|"); text != want {
			t.Errorf("%q:\n got %s\nwant %s", code, text, want)
		}
	}
}

// TestProblems finds what is wrong where it is.
func TestProblems(t *testing.T) {
	for code, want := range map[string]string{
		"x +":                            "0:3 expected operand, found '}'",
		"y := missing(3)":                "0:5 undefined: missing",
		"w := 1\nw.foo()":                "1:2 w.foo undefined (type int has no field or method foo)",
		"y := strings[0]\ny + 1":         "1:0 invalid operation: y + 1 (mismatched types string and untyped int",
		"<-ch":                           "0:2 ch of cell [4] is not kept: it holds a channel, which does not outlive its cell; make it in the cell that uses it",
		"send()":                         "0:0 a function of an earlier cell uses ch, and ch of cell [4] is not kept: it holds a channel, which does not outlive its cell; make it in the cell that uses it",
		"ch = make(chan int, 1)\nsend()": "",
		"type P struct{ Y int }\np":      "1:0 p of cell [3] is not kept: this cell changes its type P; make it in the cell that uses it",
		"type P struct{ X int }\np":      "",
		"var q int = \"a\"":              "0:12 cannot use \"a\" (untyped string constant) as int value in variable declaration",
		"import \"nobody.example/nothing\"\nnothing.X": "nobody.example/nothing",
	} {
		var got []string
		for _, p := range read(t, code).Problems {
			got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Text))
		}
		if text := strings.Join(got, "|"); !strings.Contains(text, want) || (want == "") != (text == "") {
			t.Errorf("%q:\n got %s\nwant %s", code, text, want)
		}
	}
}

// TestNeeded finds what of the cells a program needs, and what goes with a cell that fails.
func TestNeeded(t *testing.T) {
	all := ".~math A B P P~Get bump ch err far gantryV_strings p send x"
	for code, want := range map[string]struct{ not, revert, values, forget string }{
		"fmt.Println()": {not: all},
		"bump()":        {not: ".~math A B P P~Get ch err far gantryV_strings p send"},
		"p.Get();":      {not: ".~math A B bump ch err far gantryV_strings send x"},
		"far();":        {not: "A B P P~Get bump ch err gantryV_strings p send x"},
		"A;":            {not: ".~math P P~Get bump ch err far gantryV_strings p send x"},
		"y := 1\nfunc f() int { return y }\nfunc g() {}": {not: all, revert: "f y", values: "y"},
		"x := \"a\"":  {not: ".~math A B P P~Get bump ch err far gantryV_strings p send", revert: "x", values: "x"},
		"func x() {}": {not: ".~math A B P P~Get ch err far gantryV_strings p send", revert: "x", forget: "x"},
	} {
		c := read(t, code)
		not := strings.Join(c.Leave, " ")
		if code == "x := \"a\"" || code == "func x() {}" {
			not = strings.Replace(not, " bump", "", 1) // which does not compile with another x, and is left out
			want.not = strings.Replace(want.not, " bump", "", 1)
		}
		if not != want.not || strings.Join(c.Revert, " ") != want.revert || strings.Join(c.Values, " ") != want.values || strings.Join(c.Forget, " ") != want.forget {
			t.Errorf("%q: leaves out %q, reverts %q, keeps %q, forgets %q; want %+v", code, not, c.Revert, c.Values, c.Forget, want)
		}
	}
}

// TestAnything reads cells that are put together at random from pieces of Go: each is read, or something is said about it, and what GoNB
// gets of one that is read parses.
func TestAnything(t *testing.T) {
	pieces := []string{"x", "p", "ch", "strings", "y", "z", " := ", " = ", "3", "\"a\"", "\n", "\n", "\n", ";", "func f() int { return x }\n", "func (p *P) Set() { p.X = y }\n",
		"type P struct{ X, Y int }\n", "type L[T any] []T\n", "var y = x\n", "var (\n\tz = 1\n\t_ = z\n)\n", "const c = 1\n", "import \"fmt\"\n", "import . \"math\"\n", "import _ \"image\"\n",
		"%%\n", "!ls\n", "func() int { return x }", "func(a int) func() int { return func() int { return a } }", "for i := range 3 {\n", "}", "{", "(", ")", "if x := 1; x > 0 {\n", "switch v := any(x).(type) {\ncase int:\n",
		"fmt.Println(", "must(", "check(", "return\n", "defer f()\n", "go f()\n", "[]int{1}", "map[string]int{}", ".Get()", "&", "*", "...", "<-", "func main() {", "goto L\n", "L:\n", "%test\n", "\\", "`", "'"}
	random := rand.New(rand.NewPCG(3, 4))
	n := book(t)
	read := 0
	for range 2000 {
		var b strings.Builder
		for range random.IntN(9) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		code := b.String()
		c, err := n.Read(t.Context(), golang.Read(code), 7)
		if err != nil {
			if !errors.Is(err, ErrUnread) {
				t.Errorf("%q: %v", code, err)
			}
			continue
		}
		if len(c.Problems) > 0 {
			continue
		}
		read++
		if len(c.Lines) != strings.Count(c.Code, "\n")+1 {
			t.Errorf("%q: %d lines are known of %q", code, len(c.Lines), c.Code)
		}
	}
	if read < 100 {
		t.Errorf("only %d cells had nothing wrong", read)
	}
}

// TestFunctionsReadByPointers: where a function can be called before a name is declared anew, the program has it read the name by a pointer.
func TestFunctionsReadByPointers(t *testing.T) {
	n := &Notebook{Packages: compiled(t), Imports: standard, Serial: 3, Values: map[string]Value{"n": {Cell: 1, Group: 1}},
		Earlier: golang.ReadEarlier("package main\nvar n int\nfunc next() int {\n\tn++\n\treturn n\n}\nfunc other() {}\n")}
	c, err := n.Read(t.Context(), golang.Read("n := next()\nother()"), 2)
	if err != nil || len(c.Problems) > 0 {
		t.Fatal(err, c.Problems)
	}
	if want := "func next() int {\n\t(*gantryAt_n)++\n\treturn (*gantryAt_n)\n}"; len(c.Instead) != 1 || c.Instead["next"] != want {
		t.Errorf("instead: %q", c.Instead)
	}
	for _, want := range []string{"var gantryAt_n *int = &gantryOld_n\n", `{Name: "n", At: &n, New: true, Old: false, Now: &gantryAt_n}`, `{Name: "n", At: &gantryOld_n, New: false, Old: true}`} {
		if !strings.Contains(c.Beside, want) {
			t.Errorf("beside the program there is no %q:\n%s", want, c.Beside)
		}
	}
}

// TestGenericMethods: methods of generic types get names that tell them apart.
func TestGenericMethods(t *testing.T) {
	c := read(t, "type Set[T any] []T\ntype List[T any] []T\n\n// Size is the length.\nfunc (s Set[T]) Size() int {\n\treturn len(s)\n}\nfunc (l *List[E]) Size() int { return 0 }")
	want := map[string]string{"Set~Size": "// Size is the length.\nfunc (s Set[T]) Size() int {\n\treturn len(s)\n}", "List~Size": "func (l *List[E]) Size() int { return 0 }"}
	if !maps.Equal(c.Methods, want) {
		t.Errorf("%q", c.Methods)
	}
	for _, text := range want {
		if !strings.Contains(c.Code, text) {
			t.Errorf("%q is not in the code:\n%s", text, c.Code)
		}
	}
}
