package cellbench

import (
	"strings"
	"testing"
	"time"

	"gantry.local/kernel-ext/cell"
	"gantry.local/kernel-ext/internal/frontend"
)

func TestSplit(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	c := frontend.Execution{Sent: at(0), First: at(650), Idle: at(700), Output: "began 640000000 3\n6\nended 680000000\n"}
	spans := []cell.Span{
		{Phase: "goimports", Start: at(10), End: at(30)}, {Phase: "list", Start: at(40), End: at(45)},
		{Phase: "compile", Start: at(50), End: at(150)}, {Phase: "link", Start: at(150), End: at(500)},
		{Phase: "link", Start: at(500), End: at(600)},
	}
	s, err := split(c, spans)
	if err != nil {
		t.Fatal(err)
	}
	for phase, want := range map[string]int{
		"parse": 10, "goimports": 20, "list": 5, "compile": 100, "link": 450, "start": 40, "run": 40, "end": 20,
	} {
		if got := s.phases[phase]; got != time.Duration(want)*time.Millisecond {
			t.Errorf("%s: %s, want %d ms", phase, got, want)
		}
	}
	if s.first != 650*time.Millisecond || s.total != 700*time.Millisecond {
		t.Errorf("first output after %s, idle after %s", s.first, s.total)
	}
	table := Table{summary("trivial", "gantry", []sample{s, s, s})}
	if got := table.String(); !strings.Contains(got, "| trivial | gantry | 0.010 | 0.020 | | 0.005 | 0.100 | 0.450 | 0.040 | 0.040 | 0.020 | 0.650 | 0.700 |") {
		t.Errorf("%s", got)
	}
	if _, err := split(c, nil); err == nil {
		t.Error("a cell without a trace was accepted")
	}
	c.Output = "began 640000000\n"
	if _, err := split(c, spans); err == nil {
		t.Error("a cell that did not print when it ended was accepted")
	}
}
