package kernel

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestOrderOnThePage has cells print and show in turn, on both streams and with pictures of all sizes, without waiting for
// anything: order on the page is order in the program.
func TestOrderOnThePage(t *testing.T) {
	c := startKernel(t)
	const cells, turns = 10, 100
	for n := range cells {
		all := c.streams(c.execute(fmt.Sprintf(`import "github.com/janpfeifer/gonb/gonbui"
%%%%
for i := range %d {
	fmt.Println("said", i)
	gonbui.DisplayHTML(fmt.Sprint("shown ", i, strings.Repeat(" ", i*i*%d)))
}
fmt.Println("said all")`, turns, n)))
		var got []string
		for _, s := range all {
			text := s.text
			if s.name == "display_data" {
				text = strings.TrimSuffix(strings.TrimPrefix(text, "map[text/html:"), "] <nil>")
			}
			got = append(got, strings.Split(strings.TrimSpace(text), "\n")...)
		}
		for i := range turns {
			if len(got) != 2*turns+1 || got[2*i] != fmt.Sprint("said ", i) || strings.TrimSpace(got[2*i+1]) != fmt.Sprint("shown ", i) {
				t.Fatalf("cell %d: turn %d of %d: %.200q", n, i, len(got), got[min(2*i, len(got)):])
			}
		}
	}
}

// TestCellsInOrder sends a hundred cells at once, or as many as GANTRY_TEST_CELLS says, that print and show in turn: they run in that order,
// each for itself. `make soak` runs thousands.
func TestCellsInOrder(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	cells := asked(t, "GANTRY_TEST_CELLS", 100)
	var ids []string
	for n := range cells {
		ids = append(ids, c.execute(fmt.Sprintf("import \"github.com/janpfeifer/gonb/gonbui\"\n%%%%\nfmt.Println(\"said\", %d)\n"+
			"gonbui.DisplayHTML(\"shown\")\nfmt.Println(\"said after\", %d)", n, n)))
	}
	for n, id := range ids {
		var got strings.Builder
		c.next(c.iopub, cellPatience, "idle state", func(m received) bool {
			switch {
			case m.header.MsgType == "execute_input":
				fmt.Fprintf(&got, "[%v] ", m.content["execution_count"])
			case m.header.MsgType == "stream":
				fmt.Fprint(&got, m.content["text"])
			case m.header.MsgType == "display_data":
				fmt.Fprintln(&got, m.content["data"].(map[string]any)["text/html"])
			case m.content["execution_state"] == "idle":
				return true
			}
			if m.parent.MsgID != id {
				t.Fatalf("amid cell %d: %s of another", n+1, m.header.MsgType)
			}
			return false
		})
		if want := fmt.Sprintf("[%d] said %d\nshown\nsaid after %d\n", n+2, n, n); got.String() != want {
			t.Fatalf("cell %d: %q, want %q", n+1, got.String(), want)
		}
		if r := c.next(c.shell, cellPatience, "reply", ofType("execute_reply")); r.parent.MsgID != id || r.content["status"] != "ok" {
			t.Fatalf("cell %d: %v", n+1, r.content)
		}
	}
}

// TestInterruptsAroundTheBordersOfCells interrupts two hundred times at random moments before and after the end of a cell.
// A cell that is sent once the interrupt has been answered is never touched.
func TestInterruptsAroundTheBordersOfCells(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	begun := time.Now()
	c.mustRun("!echo probe", "probe")
	usual := time.Since(begun)
	stopped, missed := 0, 0
	for round := range 200 {
		first := c.execute(fmt.Sprintf("!echo first %d", round))
		time.Sleep(time.Duration(rand.Int64N(int64(2 * usual)))) // the moment is what is tried
		asked := c.send(c.control, "interrupt_request", map[string]any{})
		c.next(c.control, cellPatience, "interrupt_reply", answers(asked, "interrupt_reply"))
		switch r := c.finish(first); {
		case r.status == "ok" && r.stdout == fmt.Sprintf("first %d\n", round):
			missed++
		case r.status == "error" && strings.HasPrefix(r.evalue, "Interrupted: "):
			stopped++
		default:
			t.Fatalf("round %d, the interrupted cell: %+v", round, r)
		}
		if r := c.run(fmt.Sprintf("!echo second %d", round)); r.status != "ok" || r.stdout != fmt.Sprintf("second %d\n", round) {
			t.Fatalf("round %d, the cell behind: %+v", round, r)
		}
	}
	t.Logf("%d cells interrupted, %d over before", stopped, missed)
	c.mustRun(hello, "hello")
}
