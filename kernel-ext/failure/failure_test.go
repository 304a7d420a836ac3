package failure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/kernel-ext/engine/wire"
)

// example is a report about cell 2, whose program is built of cells 1 and 2.
func example(t *testing.T) *Report {
	t.Helper()
	dir := t.TempDir()
	program := "package main\n\nfunc f(p *int) int {\n\treturn *p\n}\n\nfunc main() {\n\tx := f(nil)\n\tos.Exit(3)\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	cells := map[int]*Source{
		1: {Number: 4, Shown: []string{"func f(p *int) int {", "\treturn *p", "}"}},
		2: {Number: 5, Shown: []string{"%%", "x := f(nil)", "os.Exit(3)", ""}},
	}
	return &Report{
		Cell: cells[2], Find: func(id int) *Source { return cells[id] }, Dir: dir, File: "main.go",
		Lines: []wire.Place{{}, {}, {Cell: 1, Line: 0}, {Cell: 1, Line: 1}, {Cell: 1, Line: 2}, {Cell: 1, Line: 2}, {Cell: 2, Line: 0}, {Cell: 2, Line: 1},
			{Cell: 2, Line: 2}, {Cell: 2, Line: 3}},
	}
}

// TestReports explains each kind of failure.
func TestReports(t *testing.T) {
	r := example(t)
	file := filepath.Join(r.Dir, r.File)
	for name, test := range map[string]struct {
		f     Failure
		title string
		trace []string
	}{
		"compile": {r.Rejected([]wire.Said{
			{Text: "# gonb_1"}, {Text: "declared and not used: x", At: wire.Place{Cell: 2, Line: 1}, Column: 2, Line: "\tx := f(nil)"},
			{Text: "declared and not used: x", At: wire.Place{Cell: 2, Line: 1}, Column: 2, Line: "\tx := f(nil)"},
			{Text: "undefined: os", At: wire.Place{Cell: 2, Line: 2}, Column: 2, Line: "\tos.Exit(3)"}, {Text: "exit status 1"},
		}), "compile error: declared and not used: x (and 1 more problem)", []string{"cell [5], line 2:", "x := f(nil)", "^", "cell [5], line 3: undefined: os"}},
		"a file's end": {r.Rejected([]wire.Said{{Text: "expected '}'", At: wire.Place{Cell: 2, Line: 3}}}), "compile error: expected '}'", []string{"cell [5], line 3:"}},
		"refused":      {r.Rejected([]wire.Said{{Text: "no\nreally"}}), "error: no", []string{"cell [5]", "really"}},
		"panic": {r.Panicked("panic: runtime error: invalid memory address\n[signal SIGSEGV]\n\ngoroutine 1 [running]:\nmain.f(0x0)\n\t" + file +
			":4 +0x1\nmain.main()\n\t" + file + ":8 +0x2\n"), "runtime error: invalid memory address",
			[]string{"cell [4], line 2, in f:", "return *p", "cell [5], line 2, in main:"}},
		"exit":                           {r.Exited("exit status 3", "said", ""), "exit status 3: said", []string{"cell [5], line 3:", "os.Exit(3)"}},
		"killed":                         {r.Exited("signal: killed", "", ""), "killed: signal: killed; a program that needs more memory", []string{"cell [5]"}},
		"shell":                          {r.Shell(2, "exit status 1"), "shell: os.Exit(3): exit status 1", []string{"cell [5], line 3:"}},
		"stopped":                        {r.Interrupted(-1, false), "Interrupted: the cell was interrupted; all values are as before it", []string{"cell [5]"}},
		"stopped in a line that is none": {r.Interrupted(99, true), "Interrupted: ", []string{"cell [5], line 4:"}},
	} {
		title := test.f.Name + ": " + test.f.Value
		if name == "exit" {
			title = test.f.Value
		}
		if !strings.HasPrefix(title, test.title) {
			t.Errorf("%s: %q, want %q", name, title, test.title)
		}
		rest := strings.Join(test.f.Trace, "\n")
		for _, want := range test.trace {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("%s: %q is not in\n%s", name, want, strings.Join(test.f.Trace, "\n"))
			}
			rest = after
		}
	}
	text := "at " + filepath.Join("/tmp/gonb_0a", "main.go") + ":4 and /tmp/gonb_0a/main_test.go:4"
	if got := string(r.Annotate([]byte(text))); !strings.Contains(got, "[[ Cell [4] Line 2 ]]") || strings.Count(got, "[[") != 1 {
		t.Errorf("%q", got)
	}
}
