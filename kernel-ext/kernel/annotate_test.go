package kernel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gantry.local/kernel-ext/jupyter"
)

// TestLinesOfCells wants a trace that a program prints without failing to name the cell's line, and a `go build` in the
// cell's folder to find no script in its way, nor to take the way of the next cells.
func TestLinesOfCells(t *testing.T) {
	c := startKernel(t)
	r := c.run("import (\n\t\"os\"\n\t\"runtime/debug\"\n)\n\n%%\nos.Stderr.Write(debug.Stack())")
	if found := regexp.MustCompile(`\[\[ Cell \[1\] Line (\d+) \]\]`).FindStringSubmatch(r.stderr); r.status != "ok" || found == nil || found[1] != "7" {
		t.Errorf("a printed trace does not name line 7 of the cell: %+v", r)
	}
	r = c.run("func inlined() int { return 1 }\n\n%%\nprintln(inlined())")
	if r.status != "ok" {
		t.Fatalf("%+v", r)
	}
	if r = c.run("!*go build -gcflags=-m 2>&1"); r.status != "ok" || !strings.Contains(r.stdout+r.stderr, "can inline inlined") {
		t.Errorf("go build in the cell's folder: %+v", r)
	}
	c.mustRun("%%\nprintln(\"after\"); os.Stdout.WriteString(\"the next cell\")", "the next cell")
}

// TestNoStaleLines prints traces while what they are about moves: a function is defined anew in another line, a cell does not
// compile, the file of the cells is another than the program's.
func TestNoStaleLines(t *testing.T) {
	c := startKernel(t)
	named := regexp.MustCompile(`\[\[ Cell \[(\d+)\] Line (\d+) \]\]`)
	lines := func(code string) (all []string) {
		t.Helper()
		r := c.run(code)
		if r.status != "ok" {
			t.Fatalf("%s\n%+v", code, r)
		}
		for _, found := range named.FindAllStringSubmatch(r.stderr, -1) {
			all = append(all, found[1]+":"+found[2])
		}
		return all
	}
	const head, body = "import (\n\t\"os\"\n\t\"runtime/debug\"\n)\n", "func where() {\n\tos.Stderr.Write(debug.Stack())\n}\n"
	if got := lines(head + body + "%%\nwhere()"); !slices.Equal(got, []string{"1:6", "1:9"}) {
		t.Errorf("lines %v of cell 1", got)
	}
	if got := lines(head + "\n\n// moved\n\n" + body + "%%\n\n\nwhere()"); !slices.Equal(got, []string{"2:10", "2:15"}) {
		t.Errorf("lines %v of cell 2", got)
	}
	if r := c.run("%values off\nfunc other() int {\n\treturn 1\n}\n" + strings.Repeat("\n", 20) + "%%\nundefinedThing()"); r.status != "error" {
		t.Fatalf("%+v", r)
	}
	if got := lines("!*echo $PWD/main.go:9 >&2"); len(got) > 0 { // that file was never a program
		t.Errorf("what cell 3 has left in the file is said to be %v", got)
	}
	if got := lines("%values on\n%%\n// after an error\nwhere()"); !slices.Equal(got, []string{"2:10", "5:4"}) {
		t.Errorf("lines %v of cell 5", got)
	}
}

// TestAnnotatedByItsOwn lets text wait to be published while the next program begins: it is not that one's.
func TestAnnotatedByItsOwn(t *testing.T) {
	var said strings.Builder
	o := output{send: func(_ *jupyter.Message, _ string, content any) { said.WriteString(content.(map[string]string)["text"]) }}
	o.begin(&jupyter.Message{Header: json.RawMessage("{}")})
	for _, program := range []string{"first", "second"} {
		o.annotateBy(func(text []byte) []byte { return fmt.Appendf(nil, "%s: %s", program, bytes.ToUpper(text)) })
		o.write("stderr", []byte(program+"\n"))
	}
	o.annotateBy(nil)
	o.write("stderr", []byte("third\n"))
	o.flush()
	if want := "first: FIRST\nsecond: SECOND\nthird\n"; said.String() != want {
		t.Errorf("%q, want %q", said.String(), want)
	}
}
