package history

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func newHistory(t *testing.T, dir string) *Cells {
	t.Helper()
	return &Cells{dir: dir, most: mostHistory, log: func(string, ...any) {}}
}

func TestGlob(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "any", true}, {"*", "", true}, {"a*c", "abbc", true}, {"a*c", "abbcd", false}, {"a?c", "aäc", true},
		{"a?c", "ac", false}, {"*b*b*", "abcb", true}, {"*b*b*", "abc", false}, {"func", "func f", false},
		{"*\n*", "two\nlines", true}, {"[ab]c", "bc", true}, {"[^ab]c", "bc", false},
		{"6 [*] 7", "6 * 7", true}, {"[]]", "]", true}, {"[a", "[a", true}, {"[^]", "[^]", true}, {"[a-c]?", "bx", true},
		{"**", "x", true}, {"(.+)", "(.+)", true}, {`[\]`, `\`, true},
	} {
		if got := compileGlob(test.pattern)(test.text); got != test.want {
			t.Errorf("%q matches %q: %v", test.pattern, test.text, got)
		}
	}
}

// inputs lists a reply's cells as session/line/input.
func inputs(t *testing.T, reply map[string]any) []string {
	t.Helper()
	list := []string{}
	for _, c := range reply["history"].([]any) {
		c := c.([]any)
		list = append(list, fmt.Sprintf("%v/%v/%s", c[0], c[1], *c[2].(*string)))
	}
	return list
}

func TestHistoryIsSharedByKernels(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "gantry")
	a, b := newHistory(t, dir), newHistory(t, dir)
	a.Input(1, "a1")
	b.Input(1, "b1")
	b.Output(1, "7")
	a.Input(2, "a2")
	a.Input(3, "a1")
	three, two := 3, 2
	for _, test := range []struct {
		name string
		by   *Cells
		ask  Query
		want []string
	}{
		{"tail", a, Query{Type: "tail", N: 2}, []string{"1/2/a2", "1/3/a1"}},
		{"tail of all", a, Query{Type: "tail"}, []string{"1/1/a1", "2/1/b1", "1/2/a2", "1/3/a1"}},
		{"this session", b, Query{Type: "range"}, []string{"2/1/b1"}},
		{"the one before", b, Query{Type: "range", Session: -1}, []string{"1/1/a1", "1/2/a2", "1/3/a1"}},
		{"a part", a, Query{Type: "range", Session: 1, Start: 2, Stop: &three}, []string{"1/2/a2"}},
		{"stop is not part", a, Query{Type: "range", Session: 1, Start: 1, Stop: &two}, []string{"1/1/a1"}},
		{"search", a, Query{Type: "search", Pattern: "a*"}, []string{"1/1/a1", "1/2/a2", "1/3/a1"}},
		{"unique", a, Query{Type: "search", Pattern: "a*", Unique: true}, []string{"1/2/a2", "1/3/a1"}},
		{"n of a search", a, Query{Type: "search", Pattern: "*1", N: 2}, []string{"2/1/b1", "1/3/a1"}},
		{"nothing", a, Query{Type: "search", Pattern: "c*"}, []string{}},
		{"a kernel that ran nothing yet", newHistory(t, dir), Query{Type: "range"}, []string{}},
		{"its predecessor", newHistory(t, dir), Query{Type: "range", Session: -1}, []string{"2/1/b1"}},
	} {
		if got := inputs(t, test.by.Answer(test.ask)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	reply := a.Answer(Query{Type: "search", Pattern: "b1", Output: true})
	pair := reply["history"].([]any)[0].([]any)[2].([]any)
	if *pair[0].(*string) != "b1" || *pair[1].(*string) != "7" {
		t.Errorf("with output: %v", pair)
	}
	if reply := a.Answer(Query{Type: "random"}); reply["status"] != "error" {
		t.Errorf("an unknown kind of access: %v", reply)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700, a.path(): 0o600, filepath.Join(dir, "history.lock"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v, want mode %o", path, info, err, mode)
		}
	}
}

func TestHistorySurvivesATornLine(t *testing.T) {
	h := newHistory(t, t.TempDir())
	h.Input(1, "whole")
	f, err := os.OpenFile(h.path(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"session":1,"line":2,"inp`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	next := newHistory(t, h.dir)
	next.Input(1, "behind")
	want := []string{"1/1/whole", "2/1/behind"}
	if got := inputs(t, next.Answer(Query{Type: "tail"})); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := newHistory(t, t.TempDir())
	h.most = 10000
	for i := range 500 {
		h.Input(i+1, strings.Repeat("x", 100))
	}
	info, err := os.Stat(h.path())
	if err != nil || info.Size() > h.most {
		t.Fatalf("%v %v, want at most %d bytes", info, err, h.most)
	}
	cells := h.read()
	if len(cells) < 20 || cells[len(cells)-1].line != 500 {
		t.Errorf("%d cells left, want the newest", len(cells))
	}
	for i := range cells[1:] {
		if cells[i+1].line != cells[i].line+1 {
			t.Errorf("line %d behind %d", cells[i+1].line, cells[i].line)
		}
	}
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(historyVariable); dir != "" {
		storeMany(dir)
		return
	}
	os.Exit(m.Run())
}

// historyVariable makes the test binary store cells into the history of a folder.
const historyVariable = "GANTRY_TEST_HISTORY"

// storeMany is what a process does that the test below starts.
func storeMany(dir string) {
	h := &Cells{dir: dir, most: mostHistory, log: log.Printf}
	for i := range 100 {
		h.Input(i+1, strings.Repeat("y", 1000))
	}
}

func TestProcessesStoreAtOnce(t *testing.T) {
	dir := t.TempDir()
	var processes []*exec.Cmd
	for range 4 {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), historyVariable+"="+dir)
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, c)
	}
	for _, c := range processes {
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
	perSession := map[int]int{}
	for _, c := range newHistory(t, dir).read() {
		perSession[c.session]++
		if c.line != perSession[c.session] {
			t.Errorf("session %d: cell %d is stored as number %d", c.session, c.line, perSession[c.session])
		}
	}
	if want := map[int]int{1: 100, 2: 100, 3: 100, 4: 100}; !reflect.DeepEqual(perSession, want) {
		t.Errorf("cells by session: %v, want %v", perSession, want)
	}
}
