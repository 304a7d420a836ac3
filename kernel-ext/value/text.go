package value

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	lineWidth = 80  // characters that a value in a line has at most
	cellWidth = 80  // characters of a cell of a table in text
	cellHTML  = 400 // characters of a cell in HTML, where it may wrap
)

// shown is the tree as text/plain: in a line where that is short, else in several, and below it what there is to say of all
// of a list.
func (n *node) shown() string {
	if n.kind == word {
		return n.text
	}
	lines := n.block()
	if n.kind != record && (len(lines) > 1 || n.more > 0) {
		lines = append(lines, n.caption())
	} else if n.kind != record && len(n.items) == 0 {
		lines[0] += " (empty " + n.of + ")"
	}
	return strings.Join(lines, "\n")
}

// caption is the type of a list or mapping, and what there is to say of it.
func (n *node) caption() string { return n.amp + n.of + ", " + n.note }

// line is the tree in one line, as fmt would write it with the names of fields, cut where it gets longer than width.
func (n *node) line(width int) string {
	var b strings.Builder
	n.writeLine(&b, 4*width)
	return clipped(b.String(), width)
}

// clipped cuts a text to so many characters.
func clipped(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

// writeLine writes the line until it is longer than most bytes.
func (n *node) writeLine(b *strings.Builder, most int) {
	if b.Len() > most {
		return
	}
	between := " "
	switch n.kind {
	case word:
		b.WriteString(n.text)
		return
	case list:
		b.WriteString(n.amp + "[")
		if n.hasPhrases() {
			between = ", "
		}
	case mapping:
		b.WriteString(n.amp + "map[")
	case record:
		b.WriteString(n.amp + n.of + "{")
	}
	for i, item := range n.items {
		if b.Len() > most {
			return
		}
		if i > 0 {
			b.WriteString(between)
		}
		if n.names != nil {
			b.WriteString(n.names[i] + ":")
		}
		item.writeLine(b, most)
	}
	if n.more > 0 {
		b.WriteString(" " + n.rest())
	}
	if n.kind == record {
		b.WriteByte('}')
	} else {
		b.WriteByte(']')
	}
}

// rest counts what was left out.
func (n *node) rest() string { return "… " + grouped(n.more) + " more" }

// block is the tree in lines: one where it is short enough.
func (n *node) block() []string {
	if n.kind == word {
		return []string{n.text}
	}
	var b strings.Builder
	n.writeLine(&b, 4*lineWidth)
	if line := b.String(); utf8.RuneCountInString(line) <= lineWidth {
		return []string{line}
	}
	if t, is := n.table(); is {
		return t.lines()
	}
	if rows, is := n.matrix(); is {
		return n.matrixLines(rows)
	}
	if n.isFlat() {
		return n.wrapped()
	}
	open, end := n.amp+n.of+"{", "}"
	if n.kind == list {
		open, end = n.amp+"[", "]"
	}
	lines := []string{open}
	widest := 0
	for _, name := range n.names {
		widest = max(widest, utf8.RuneCountInString(name))
	}
	for i, item := range n.items {
		label := ""
		if n.names != nil {
			label = n.names[i] + ":" + spaces(widest-utf8.RuneCountInString(n.names[i])) + " "
		}
		inner, indent := item.block(), "  "
		if len(inner) == 1 || label == "" || strings.HasSuffix(inner[0], "{") {
			lines, inner = append(lines, indent+label+inner[0]), inner[1:]
		} else {
			lines, indent = append(lines, indent+n.names[i]+":"), "    "
		}
		for _, line := range inner {
			lines = append(lines, indent+line)
		}
		if item.kind == list && item.more > 0 {
			lines[len(lines)-1] += "  (" + item.note + ")"
		}
	}
	if n.more > 0 {
		lines = append(lines, "  "+n.rest())
	}
	return append(lines, end)
}

// isFlat tells whether a list has only words, none of them phrases.
func (n *node) isFlat() bool {
	for _, item := range n.items {
		if item.kind != word {
			return false
		}
	}
	return n.kind == list && !n.hasPhrases()
}

// hasPhrases tells whether there are several items, and some of more than one word.
func (n *node) hasPhrases() bool {
	return len(n.items) > 1 && slices.ContainsFunc(n.items, func(item *node) bool { return item.phrase })
}

// wrapped is a list of words as a paragraph.
func (n *node) wrapped() []string {
	line, lines := n.amp+"[", []string(nil)
	put := func(text string) {
		if line != n.amp+"[" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(text) > lineWidth {
			lines, line = append(lines, line), spaces(len(n.amp))+" "+text
			return
		}
		if line != n.amp+"[" {
			line += " "
		}
		line += text
	}
	for _, item := range n.items {
		put(item.text)
	}
	if n.more > 0 {
		put(n.rest())
	}
	return append(lines, line+"]")
}

// matrixLines are the rows of a matrix with its numbers below each other.
func (n *node) matrixLines(rows [][]string) []string {
	widths := []int(nil)
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	lines := make([]string, 0, len(rows)+1)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = spaces(widths[i]-utf8.RuneCountInString(cell)) + cell
		}
		lines = append(lines, " ["+strings.Join(row, " ")+"]")
	}
	lines[0] = "[" + lines[0][1:]
	if n.more > 0 {
		lines = append(lines, " "+n.rest())
	}
	lines[len(lines)-1] += "]"
	return lines
}

// spaces are n of them.
func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }
