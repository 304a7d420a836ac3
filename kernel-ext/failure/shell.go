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

// Interrupted explains the end of a cell that was told to end, in a shell line of it, from 0, or elsewhere: -1.
func (r *Report) Interrupted(line int) Failure {
	f := Failure{Name: "Interrupted", Value: "the cell was interrupted", Trace: r.numbered()}
	if line >= 0 {
		at := r.here(line)
		f.Trace = append([]string{at.String() + ":"}, at.excerpt(0)...)
	}
	return f
}
