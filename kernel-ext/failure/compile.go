package failure

import (
	"fmt"
	"slices"
	"strings"

	"gantry.local/kernel-ext/engine/wire"
)

// problem is one complaint of the compiler.
type problem struct {
	message string
	at      spot
}

// Rejected explains what the Go tools, or GoNB, say against a cell.
func (r *Report) Rejected(said []wire.Said) Failure {
	var problems []problem
	var other []string
	for _, s := range said {
		line := strings.TrimRight(s.Text, "\n")
		switch {
		case s.At.Cell > 0:
			one := problem{message: strings.TrimPrefix(line, ": "), at: r.at(s.At)}
			one.at.column = columnIn(one.at, s)
			if !slices.Contains(problems, one) {
				problems = append(problems, one)
			}
		case len(problems) > 0 && strings.HasPrefix(line, "\t"):
			last := &problems[len(problems)-1].message
			if module, ok := strings.CutPrefix(line, "\tgo get "); ok {
				*last = strings.TrimSuffix(*last, ":") + " run, in a cell: !*go get " + module
			} else {
				*last += "\n" + line
			}
		case strings.TrimSpace(line) == "", strings.HasPrefix(line, "# "), strings.HasPrefix(line, "exit status "):
		default:
			other = append(other, strings.Split(line, "\n")...)
		}
	}
	if len(problems) == 0 {
		return r.refused(other)
	}
	f := explained(problems)
	f.Trace = append(f.Trace, other...)
	return f
}

// Problem is what is wrong with the failing cell, at a line and column of it from 0.
type Problem struct {
	Text         string
	Line, Column int
}

// Wrong explains what keeps a cell from being built.
func (r *Report) Wrong(list []Problem) Failure {
	var problems []problem
	for _, p := range list {
		at := r.here(p.Line)
		at.column = p.Column + 1
		problems = append(problems, problem{p.Text, at})
	}
	return explained(problems)
}

// explained shows problems in their lines. There is at least one.
func explained(problems []problem) Failure {
	first := problems[0]
	f := Failure{Name: "compile error", Value: first.message}
	if n := len(problems) - 1; n > 0 {
		first, rest, _ := strings.Cut(first.message, "\n")
		f.Value = first
		if rest != "" {
			f.Value += "\n" + rest
		}
		f.Value += fmt.Sprintf(" (and %s)", counted(n, "more problem"))
	}
	for i, problem := range problems {
		title := problem.at.String() + ":"
		if i > 0 {
			title += " " + problem.message
		}
		f.Trace = append(append(f.Trace, title), problem.at.excerpt(1)...)
	}
	return f
}

// columnIn finds in the cell what the compiler has found in its file, in which GoNB writes some declarations anew: 0 where
// the line is another.
func columnIn(at spot, s wire.Said) int {
	if at.source == nil || s.Column == 0 || strings.TrimSpace(s.Line) == "" {
		return 0
	}
	before := strings.Index(at.source.Shown[at.line], strings.TrimSpace(s.Line))
	if before < 0 {
		return 0
	}
	return max(1, before+s.Column-(len(s.Line)-len(strings.TrimLeft(s.Line, " \t"))))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// refused explains an error that names no line of a program.
func (r *Report) refused(lines []string) Failure {
	f := Failure{Name: "error", Trace: r.numbered()}
	if len(lines) > 0 {
		f.Value = strings.TrimSpace(lines[0])
		f.Trace = append(f.Trace, lines[1:]...)
	}
	return f
}
