package kernel

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// asked is a number that whoever starts the tests gives by the environment, or another one.
func asked(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	said := os.Getenv(variable)
	if said == "" {
		return otherwise
	}
	n, err := strconv.Atoi(said)
	if err != nil || n < 0 {
		t.Fatalf("%s=%s is not a number", variable, said)
	}
	return n
}

// cellsOfANotebook is how many random cells a kernel runs.
const cellsOfANotebook = 40

// TestRandomCells runs cells made at random on real kernels, and compares all that can be seen after each of them with one program
// that does the same. GANTRY_TEST_CELLS says how many, GANTRY_TEST_SEED where to begin.
func TestRandomCells(t *testing.T) {
	seed, cells := asked(t, "GANTRY_TEST_SEED", 1), asked(t, "GANTRY_TEST_CELLS", 3*cellsOfANotebook)
	for begun := 0; begun < cells; begun += cellsOfANotebook {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { randomNotebook(t, uint64(seed), min(cellsOfANotebook, cells-begun)) })
		seed++
	}
}

// randomNotebook runs the cells that a seed gives. Each fourth notebook is looked at only now and then, for what looks at all variables
// also brings all of them back and keeps them again.
func randomNotebook(t *testing.T, seed uint64, cells int) {
	started := time.Now()
	n := &trial{client: startKernel(t), writer: newCellWriter(rand.New(rand.NewPCG(seed, 0)))}
	n.client.mustRun(strings.TrimPrefix(randomProgram, "package main\n"), "")
	every := 1
	if seed%4 == 0 {
		every = 4
	}
	wrong := ""
	for i := 0; i < cells && wrong == ""; i++ {
		if i == 0 {
			wrong = n.run(n.writer.first())
		} else {
			wrong = n.run(n.writer.cell())
		}
		if wrong == "" && (i%every == 0 || i == cells-1) {
			wrong = n.look()
		}
	}
	t.Logf("%d cells in %s", len(n.ran), time.Since(started).Round(time.Millisecond))
	if at, differs := n.compare(n.writer.model.run(t), wrong != ""); differs != "" {
		n.ran, wrong = n.ran[:at+1], differs
	}
	if wrong != "" {
		t.Errorf("seed %d\n%s\nthe last cell %s", seed, prefix(n.ran), wrong)
	}
}

// A trial is a notebook of random cells on a kernel.
type trial struct {
	client *client
	writer *cellWriter
	ran    []randomCell
	seen   []behaviour // of the cells that have been run
}

// run runs a cell, and says what is wrong with how it ends.
func (n *trial) run(cell randomCell) string {
	r := n.client.run(cell.code)
	n.ran, n.seen = append(n.ran, cell), append(n.seen, behaviour{})
	if (r.status != "ok") != cell.fails {
		return fmt.Sprintf("ends %s: %s %s", r.status, r.evalue, r.stderr)
	}
	if cell.fails {
		return ""
	}
	b := &n.seen[len(n.seen)-1]
	if b.printed = r.stdout; strings.HasPrefix(cell.code, "%rm") {
		b.printed = "" // the command's own words
	}
	for _, v := range r.values {
		b.shown = fmt.Sprint(v["data"].(map[string]any)["text/plain"])
	}
	if cell.reshape {
		return n.writer.drop(cell, r.stderr)
	}
	return ""
}

// look looks at all variables, as the model is to do.
func (n *trial) look() string {
	names := n.writer.visible()
	var args []string
	for _, name := range names {
		args = append(args, fmt.Sprintf("%q, &%s", name, name))
	}
	n.writer.model.dump(n.writer.known, names)
	r := n.client.run("dump(" + strings.Join(args, ", ") + ")")
	n.seen[len(n.seen)-1].dump = r.stdout
	if r.status != "ok" {
		return "leaves values that are not there: " + r.evalue
	}
	return ""
}

// compare says which cell is the first that does something else than one program, and what. A last one that has failed is passed over.
func (n *trial) compare(model []behaviour, failed bool) (at int, differs string) {
	for i, got := range n.seen {
		if got != model[i] && !(failed && i == len(n.seen)-1) {
			return i, got.differs(model[i])
		}
	}
	return 0, ""
}

// drop takes in which values a cell has dropped that declares R anew: all that R is in the type of, and those that had it inside.
func (w *cellWriter) drop(c randomCell, said string) string {
	list, _, ok := strings.Cut(said, ": gone, for R has another shape now")
	_, list, _ = strings.Cut(list, "gantry: ")
	names := strings.Split(list, ", ")
	if !ok {
		names = nil
	}
	for _, name := range c.dropped {
		if _, again := w.variables[name]; !again && !slices.Contains(names, name) {
			return fmt.Sprintf("does not say that %s is gone: %q", name, said)
		}
	}
	for _, name := range names {
		v, there := w.variables[name]
		if there && slices.Contains([]string{"int", "string", "float64", "complex128", "[4]int", "[2]int", "[]int", "[]string", "map[string]int", "[]byte"}, v.typ) {
			return fmt.Sprintf("drops %s, which is of type %s", name, v.typ)
		}
		if there && !strings.Contains(v.typ, "$R") {
			w.lose(name)
		}
	}
	return ""
}

// differs says what differs from what is to be.
func (got behaviour) differs(want behaviour) string {
	if got.printed != want.printed {
		return fmt.Sprintf("prints %q, and in one program %q", got.printed, want.printed)
	}
	if got.shown != want.shown {
		return fmt.Sprintf("shows %q, and in one program %q", got.shown, want.shown)
	}
	g, w := strings.Split(got.dump, "\n"), strings.Split(want.dump, "\n")
	text := fmt.Sprintf("leaves other values than one program does (%d and %d lines):", len(g), len(w))
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			text += fmt.Sprintf("\n%.1500s\n%.1500s", g[i], w[i])
		}
	}
	return text
}

// prefix is a notebook's cells up to a failure.
func prefix(cells []randomCell) string {
	var b strings.Builder
	for i, c := range cells {
		fails := ""
		if c.fails {
			fails = " is to fail"
		}
		fmt.Fprintf(&b, "--- cell %d%s\n%s\n", i+2, fails, c.code)
	}
	return b.String()
}
