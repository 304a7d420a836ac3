package kernel

import (
	"regexp"
	"strings"
	"testing"
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
