package value

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	mostColumns  = 20 // of a table
	mostAcross   = 32 // numbers in a row of a matrix that are all shown
	headOfMatrix = 10 // of a longer row
)

// table is a tree as a table.
type table struct {
	heads   []string // the first is that of the rows' labels
	numbers []bool   // columns that hold numbers alone
	rows    [][]string
	rest    string // what was left out, or ""
	wide    int    // columns that were left out
}

// table returns the table of structs, or of maps, in a list or a map: a row for each, with its place or key in front.
func (n *node) table() (t *table, is bool) {
	var columns []string
	rows := 0
	for _, item := range n.items {
		switch {
		case item.kind == word && (item.text == "<nil>" || item.text == "…" || strings.HasPrefix(item.text, "↺")):
			continue
		case item.kind == record && (rows == 0 || slices.Equal(item.names, columns)):
			columns = item.names
		case item.kind == mapping && n.items[0].kind == mapping:
			for _, name := range item.names {
				if !slices.Contains(columns, name) && len(columns) <= 10*mostColumns {
					columns = append(columns, name)
				}
			}
		default:
			return nil, false
		}
		rows++
	}
	if rows == 0 || len(columns) == 0 || n.kind == record {
		return nil, false
	}
	t = &table{wide: max(0, len(columns)-mostColumns)}
	columns = columns[:len(columns)-t.wide]
	t.heads = append([]string{""}, columns...)
	t.numbers = make([]bool, len(t.heads))
	for i := range t.numbers {
		t.numbers[i] = i > 0 || n.kind == list
	}
	for i, item := range n.items {
		row := make([]string, len(t.heads))
		if row[0] = grouped(i); n.kind == mapping {
			row[0] = n.names[i]
		}
		if item.kind == word && len(row) > 1 {
			row[1] = item.text
		}
		for column, name := range columns {
			at := slices.Index(item.names, name)
			if at < 0 {
				continue
			}
			row[1+column] = item.items[at].inCell()
			t.numbers[1+column] = t.numbers[1+column] && item.items[at].number
		}
		t.rows = append(t.rows, row)
	}
	if n.more > 0 {
		t.rest = n.rest()
	}
	return t, true
}

// inCell is a tree as it stands in a cell.
func (n *node) inCell() string {
	if n.kind == word && n.cell != "" && n.amp == "" {
		return clipped(n.cell, cellHTML)
	}
	return n.line(cellHTML)
}

// brief is a number as it stands in a matrix, with four digits.
func (n *node) brief() string {
	if x, err := strconv.ParseFloat(n.cell, 64); err == nil && len(n.cell) > 5 {
		return strconv.FormatFloat(x, 'g', 4, 64)
	}
	return n.text
}

// lines are the table as text.
func (t *table) lines() []string {
	widths := make([]int, len(t.heads))
	for _, row := range append([][]string{t.heads}, t.rows...) {
		for i, cell := range row {
			row[i] = clipped(cell, cellWidth)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var lines []string
	for _, row := range append([][]string{t.heads}, t.rows...) {
		line := ""
		for i, cell := range row {
			room := spaces(widths[i] - utf8.RuneCountInString(cell))
			if i > 0 {
				line += "  "
			}
			if t.numbers[i] {
				line += room + cell
			} else {
				line += cell + room
			}
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	if t.wide > 0 {
		lines[0] += "  … " + plural(t.wide, "more column", "more columns")
	}
	if t.rest != "" {
		lines = append(lines, t.rest)
	}
	return lines
}

// matrix returns the cells of a list of rows of numbers, all of one length.
func (n *node) matrix() (rows [][]string, is bool) {
	if n.kind != list || len(n.items) == 0 {
		return nil, false
	}
	for _, item := range n.items {
		if item.kind != list || len(item.items) != len(n.items[0].items) || item.more != n.items[0].more || len(item.items) == 0 {
			return nil, false
		}
		var row []string
		shown := len(item.items)
		if shown > mostAcross {
			shown = headOfMatrix
		}
		for i, x := range item.items {
			if x.kind != word || !x.number {
				return nil, false
			}
			if i < shown {
				row = append(row, x.brief())
			}
		}
		if more := item.more + len(item.items) - shown; more > 0 {
			row = append(row, "… "+grouped(more)+" more")
		}
		rows = append(rows, row)
	}
	return rows, true
}
