package setup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// lines is a writer that hands on each line as it is complete, and keeps the text.
type lines struct {
	each func(line string)
	keep io.Writer
	rest []byte
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	if l.keep != nil {
		l.keep.Write(p)
	}
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.each(strings.TrimSpace(string(line)))
		l.rest = rest
	}
}

// ticker shows what goes on, as one line that changes on a terminal and as nothing elsewhere.
type ticker struct {
	out   io.Writer
	width int // of the terminal; 0 where there is none
	count int
	total int // lines to come; 0 if unknown
}

func newTicker(out io.Writer) *ticker {
	t := &ticker{out: out}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		t.width, _, _ = term.GetSize(int(file.Fd()))
	}
	return t
}

func (t *ticker) show(line string) {
	t.count++
	switch {
	case t.width > 20:
		text := []rune("  " + line)
		if t.total > 0 {
			text = []rune(fmt.Sprintf("  %3d %%  %s", min(100, 100*t.count/t.total), line))
		}
		fmt.Fprintf(t.out, "\r\x1b[K%s", string(text[:min(len(text), t.width-1)]))
	case t.total > 0 && 4*t.count/t.total != 4*(t.count-1)/t.total: // each quarter, in a log
		fmt.Fprintf(t.out, "  %d %%\n", 100*t.count/t.total)
	}
}

func (t *ticker) end() {
	if t.width > 20 {
		fmt.Fprint(t.out, "\r\x1b[K")
	}
}

// goFailure says in one line why a go command failed.
func goFailure(text string, err error) error {
	last := failure(text, err)
	for _, sign := range []string{"dial tcp", "no such host", "module lookup disabled", "i/o timeout", "connection refused",
		"TLS handshake", "proxyconnect"} {
		if strings.Contains(text, sign) {
			return errors.New("Go modules are missing here and the network does not answer; connect once and run " +
				"`make setup` again (" + last + ")")
		}
	}
	if strings.Contains(text, "no space left on device") {
		return errors.New("the disk is full; free 3 GB and run `make setup` again")
	}
	return errors.New(last)
}
