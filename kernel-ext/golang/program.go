package golang

import "strings"

const (
	mainBegin = "func main() {"
	mainEnd   = "\n}\n" // behind the last line of a cell
)

// goLine is a line of the cell as Go. Only lines of Go keep their columns, except that a main begins in front of bare
// statements, see inProgram.
func (t *Text) goLine(i int) string {
	line := t.Lines[i]
	switch {
	case i == t.main:
		return mainBegin
	case t.special[i] || strings.HasPrefix(line, "package"): // GoNB writes the package clause
		return ""
	case i == t.bare.Line:
		return line[:t.bare.Column] + mainBegin + line[t.bare.Column:]
	}
	return line
}

// hasMain tells whether the cell has a body of main that ends with the cell.
func (t *Text) hasMain() bool { return t.main >= 0 || t.bare.Line >= 0 }

// Program is the cell as a Go file: head, which is one line, then each line of the cell on a line of its own.
func (t *Text) Program(head string) string {
	var b strings.Builder
	b.WriteString(head)
	for i := range t.Lines {
		b.WriteByte('\n')
		b.WriteString(t.goLine(i))
	}
	if t.hasMain() {
		b.WriteString(mainEnd)
	}
	return b.String()
}

// inProgram returns where a place of the cell is in Program, counted from 0 like the place.
func (t *Text) inProgram(at Place) Place {
	if at.Line == t.bare.Line && at.Column >= t.bare.Column {
		at.Column += len(mainBegin)
	}
	at.Line++
	return at
}

// inCell is the inverse of inProgram.
func (t *Text) inCell(at Place) Place {
	at.Line--
	if at.Line == t.bare.Line && at.Column > t.bare.Column {
		at.Column = max(t.bare.Column, at.Column-len(mainBegin))
	}
	return at
}
