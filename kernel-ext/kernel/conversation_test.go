package kernel

import (
	_ "embed"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

//go:embed testdata/conversations.txt
var conversations string

// turn is a cell of a conversation and what is to come of it.
type turn struct {
	code   string
	result string   // text of the value; with shows
	shows  bool     // a value is shown
	quiet  bool     // none is
	stdout []string // parts of what is printed
	stderr []string
	errors []string // parts of the error; nil: there is none
	fails  bool
}

// readConversations reads conversations: # begins one with its name, >>> a cell, ... goes on with it; = is what it shows, ~ that it shows
// nothing, < what it prints, ? what on stderr, ! its error.
func readConversations(text string) (names []string, turns [][]turn) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		mark, rest, _ := strings.Cut(line, " ")
		if mark == "#" {
			names, turns = append(names, rest), append(turns, nil)
			continue
		}
		list := &turns[len(turns)-1]
		if mark == ">>>" {
			*list = append(*list, turn{code: rest})
			continue
		}
		last := &(*list)[len(*list)-1]
		switch mark {
		case "...":
			last.code += "\n" + rest
		case "=":
			last.result, last.shows = rest, true
		case "~":
			last.quiet = true
		case "<":
			last.stdout = append(last.stdout, rest)
		case "?":
			last.stderr = append(last.stderr, rest)
		case "!":
			last.errors, last.fails = append(last.errors, rest), true
		}
	}
	return names, turns
}

// wrong says what of a turn is not as it is to be; empty: nothing.
func (want turn) wrong(r result) string {
	if (r.status != "ok") != want.fails {
		return "it ends " + r.status
	}
	shown := ""
	for _, v := range r.values {
		shown += fmt.Sprint(v["data"].(map[string]any)["text/plain"])
	}
	if want.shows && shown != want.result || want.quiet && shown != "" {
		return fmt.Sprintf("it shows %q", shown)
	}
	for _, c := range []struct {
		parts []string
		in    string
	}{{want.stdout, r.stdout}, {want.stderr, r.stderr}, {want.errors, r.evalue}} {
		for _, part := range c.parts {
			if !strings.Contains(c.in, part) {
				return fmt.Sprintf("%q is not in %q", part, c.in)
			}
		}
	}
	if len(want.stderr) == 0 && r.stderr != "" {
		return fmt.Sprintf("stderr has %q", r.stderr)
	}
	return ""
}

// TestConversations has conversations on a real kernel, each after a %reset.
func TestConversations(t *testing.T) {
	// The kernel of a test fetches no modules, and only a conversation imports this one itself.
	if said, err := exec.Command("go", "mod", "download", "gonum.org/v1/gonum").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	c := startKernel(t)
	names, all := readConversations(conversations)
	if len(names) < 60 {
		t.Errorf("%d conversations", len(names))
	}
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			c.run("%reset")
			for _, want := range all[i] {
				r := c.run(want.code)
				if wrong := want.wrong(r); wrong != "" {
					t.Fatalf("cell:\n%s\n%s\nstdout %q stderr %q %s", want.code, wrong, r.stdout, r.stderr, r.evalue)
				}
			}
		})
	}
}
