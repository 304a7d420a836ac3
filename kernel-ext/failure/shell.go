package failure

import (
	"fmt"
	"strings"
)

// Shell explains a shell line that failed, from 0, or a script, whose first line is meant: words say how.
func (r *Report) Shell(line int, words string) Failure {
	at := r.here(line)
	return Failure{
		Name: "shell", Value: fmt.Sprintf("%s: %s", strings.TrimSpace(r.Cell.Shown[at.line]), words),
		Trace: append([]string{at.String() + ":"}, at.excerpt(0)...),
	}
}

// Interrupted explains the end of a cell that was told to end, in a shell line of it, from 0, or elsewhere: -1. inOrder says that its
// program has ended by itself, so that its values are kept.
func (r *Report) Interrupted(line int, inOrder bool) Failure {
	f := Failure{Name: "Interrupted", Value: "the cell was interrupted; all values are as before it", Trace: r.numbered()}
	if inOrder {
		f.Value = "the cell was interrupted and ended in order; its values are kept"
	}
	if line >= 0 {
		at := r.here(line)
		f.Trace = append([]string{at.String() + ":"}, at.excerpt(0)...)
	}
	return f
}
