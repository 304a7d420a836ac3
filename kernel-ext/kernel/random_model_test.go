package kernel

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

//go:embed testdata/random.go
var randomProgram string

// shownMark begins the lines of the model that say which value a cell shows.
const shownMark = "\x01"

// beginMark begins what each cell prints in the model, and dumpMark the dump behind it.
const beginMark, dumpMark = "\x02", "\x03"

// A model is one program that does what all of the cells do that end well. A variable of the notebook is one that a pointer leads
// to: a declaration lets that lead to another.
type model struct {
	top, calls strings.Builder
	cells      int
	pointers   int

	earlier string          // what top was before the cell
	body    strings.Builder // of the cell
}

func (m *model) begin() {
	m.cells++
	m.earlier = m.top.String()
	m.body.Reset()
}

// end takes the cell into the program.
func (m *model) end() {
	fmt.Fprintf(&m.top, "func cell%d() {\n%s}\n", m.cells, m.body.String())
	fmt.Fprintf(&m.calls, "\tfmt.Println(%q)\n\tcell%d()\n", beginMark, m.cells)
}

// forget leaves the cell out of it.
func (m *model) forget() {
	m.top.Reset()
	m.top.WriteString(m.earlier)
	fmt.Fprintf(&m.calls, "\tfmt.Println(%q)\n", beginMark)
}

// dump has the program print variables behind the cell.
func (m *model) dump(k *known, names []string) {
	var list []string
	for _, name := range names {
		list = append(list, fmt.Sprintf("%q, &%s", name, k.model[name]))
	}
	fmt.Fprintf(&m.calls, "\tfmt.Println(%q)\n\tdump(%s)\n", dumpMark, strings.Join(list, ", "))
}

func (m *model) pointer(k *known, name, typ string) string {
	m.pointers++
	p := fmt.Sprint("m", m.pointers)
	fmt.Fprintf(&m.top, "var %s *%s\n", p, k.inModel(typ))
	k.model[name] = "(*" + p + ")"
	return p
}

// stable declares a variable that has one type all the time.
func (m *model) stable(k *known, name, typ string) { m.pointer(k, name, typ) }

// declare makes a variable of what a local one is.
func (m *model) declare(k *known, name, typ, local, statement string) {
	statement = k.inModel(statement)
	p := ""
	if isStable(name) {
		p = strings.Trim(k.model[name], "(*)")
	} else {
		p = m.pointer(k, name, typ)
	}
	fmt.Fprintf(&m.body, "\t%s\n\t%s = &%s\n", statement, p, local)
}

func (m *model) statement(k *known, text string) { m.body.WriteString("\t" + k.inModel(text) + "\n") }

func (m *model) declaration(k *known, text string) { m.top.WriteString(k.inModel(text) + "\n") }

func (m *model) function(k *known, text string) {
	m.top.WriteString(strings.ReplaceAll(k.inModel(text), "; func", "\nfunc") + "\n")
}

// again declares a function that is called by a variable.
func (m *model) again(k *known, name, as, body string) {
	if k.model[name] == "" {
		k.model[name] = "call_" + name
		fmt.Fprintf(&m.top, "var call_%s func() int\n", name)
	}
	fmt.Fprintf(&m.top, "func %s() int%s\n", as, k.inModel(body))
	fmt.Fprintf(&m.body, "\tcall_%s = %s\n", name, as)
}

// source is the program.
func (m *model) source() string {
	more := "import (\n"
	uses := ""
	for path, use := range map[string]string{"bytes": "bytes.NewBuffer", "container/list": "list.New", "math/big": "big.NewInt", "net/url": "url.Parse",
		"os": "os.Exit", "runtime": "runtime.GC", "sync": "sync.NewCond", "time": "time.Now"} {
		more += fmt.Sprintf("\t%q\n", path)
		uses += "var _ = " + use + "\n"
	}
	head, rest, _ := strings.Cut(randomProgram, "import (\n")
	return head + more + rest + uses + m.top.String() + "func main() {\n" + m.calls.String() + "}\n"
}

// behaviour is what a cell does, as far as it can be seen.
type behaviour struct{ printed, shown, dump string }

var shape = regexp.MustCompile(`\bR_\d+\b`)

// run builds and runs the program, and returns what each cell does in it.
func (m *model) run(t testing.TB) []behaviour {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte(m.source()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", file)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GO111MODULE=off")
	said, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		t.Fatalf("the model fails: %v\n%s", err, withLines(string(exit.Stderr), m.source()))
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []behaviour
	for _, part := range strings.Split(string(said), beginMark+"\n")[1:] {
		var b behaviour
		b.printed, b.dump, _ = strings.Cut(part, dumpMark+"\n")
		for _, line := range strings.SplitAfter(b.printed, "\n") {
			if shown, is := strings.CutPrefix(line, shownMark); is {
				b.shown = strings.TrimSpace(shown)
				b.printed = strings.Replace(b.printed, line, "", 1)
			}
		}
		b.dump = shape.ReplaceAllString(b.dump, "R")
		all = append(all, b)
	}
	return all
}

var lineOf = regexp.MustCompile(`main\.go:(\d+)`)

// withLines adds the lines of the program that a message names.
func withLines(said, source string) string {
	lines := strings.Split(source, "\n")
	for _, m := range lineOf.FindAllStringSubmatch(said, 5) {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 && n <= len(lines) {
			said += "\n" + lines[n-1]
		}
	}
	return said
}
