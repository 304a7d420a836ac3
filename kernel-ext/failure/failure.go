// Package failure explains why a cell failed: what it says, and which lines of which cells it is about. It is told all it
// knows; it asks nobody.
//
// Reading order: failure.go, place.go, then a file for each kind: compile.go, panic.go, exit.go, shell.go; trace.go is about
// what programs print without failing.
package failure

import "strings"

// Failure is how a cell failed, for the error message and the reply.
type Failure struct {
	Name, Value string
	Trace       []string // behind the first line, which says name and value
}

// Content is the failure as the protocol wants it in a reply.
func (f Failure) Content() map[string]any {
	title := f.Value
	if !strings.HasPrefix(f.Value, f.Name) { // as in exit: exit status 1
		title = f.Name + ": " + f.Value
	}
	return map[string]any{
		"status": "error", "ename": f.Name, "evalue": f.Value, "traceback": append([]string{red(title)}, f.Trace...),
	}
}

const (
	redOn, dimOn, colorOff = "\x1b[1;31m", "\x1b[2m", "\x1b[0m"
)

func red(text string) string { return redOn + text + colorOff }
func dim(text string) string { return dimOn + text + colorOff }
