package golang

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Place is a position in a cell: a line and bytes into it, both from 0.
type Place struct{ Line, Column int }

// placeOf is the place of a byte of a text.
func placeOf(text string, offset int) Place {
	before := text[:offset]
	return Place{strings.Count(before, "\n"), len(before) - 1 - strings.LastIndexByte(before, '\n')}
}

// At finds a cursor, which Jupyter counts in Unicode code points; one outside of the cell is at its nearest end.
func (t *Text) At(cursor int) Place {
	last := len(t.Lines) - 1
	at := Place{}
	for ; at.Line < last; at.Line++ {
		runes := utf8.RuneCountInString(t.Lines[at.Line])
		if cursor <= runes {
			break
		}
		cursor -= runes + 1
	}
	for line := t.Lines[at.Line]; cursor > 0 && at.Column < len(line); cursor-- {
		_, size := utf8.DecodeRuneInString(line[at.Column:])
		at.Column += size
	}
	return at
}

// utf16Column converts bytes into a line to what language servers count.
func utf16Column(line string, column int) int {
	return len(utf16.Encode([]rune(line[:min(column, len(line))])))
}

// byteColumn is the inverse of utf16Column.
func byteColumn(line string, units int) int {
	for i, r := range line {
		if units <= 0 {
			return i
		}
		units -= max(1, utf16.RuneLen(r))
	}
	return len(line)
}
