package golang

import (
	"slices"
	"strings"
)

const (
	mainBegin = "func main() {"
	mainEnd   = "\n}\n" // behind the last line of a cell
)

// insertion is a text of ours, put into a cell.
type insertion struct {
	at   Place
	text string
}

// goLine is a line of the cell as Go.
func (t *Text) goLine(i int) string {
	line := t.Lines[i]
	if t.special[i] || strings.HasPrefix(line, "package") {
		return ""
	}
	for _, p := range slices.Backward(t.put) {
		if p.at.Line == i {
			line = line[:p.at.Column] + p.text + line[p.at.Column:]
		}
	}
	return line
}

// Program is the cell as a Go file: head, which is one line, then each line of the cell on a line of its own.
func (t *Text) Program(head string) string {
	var b strings.Builder
	b.WriteString(head)
	for i := range t.Lines {
		b.WriteByte('\n')
		b.WriteString(t.goLine(i))
	}
	if t.unended {
		b.WriteString(mainEnd)
	}
	return b.String()
}

// inProgram returns where a place of the cell is in Program, counted from 0 like the place.
func (t *Text) inProgram(at Place) Place {
	column := at.Column
	for _, p := range t.put {
		if p.at.Line == at.Line && (p.at.Column < at.Column || p.at.Column == at.Column && p.text == mainBegin) {
			column += len(p.text)
		}
	}
	return Place{at.Line + 1, column}
}

// inCell is the inverse of inProgram. What is put in is where it was put.
func (t *Text) inCell(at Place) Place {
	at.Line--
	for _, p := range t.put {
		if p.at.Line == at.Line && at.Column > p.at.Column {
			at.Column = max(p.at.Column, at.Column-len(p.text))
		}
	}
	return at
}
