// Package table writes the tables that the library's values show of themselves: as text with columns below each other, and
// as HTML that reads on light and dark pages.
package table

import (
	"html"
	"slices"
	"strings"
	"unicode/utf8"
)

// Table is a table with a line of heads, which is left out where all are empty. Rows may be shorter than Heads.
type Table struct {
	Title  string   // in front; "": none
	Heads  []string // of the columns
	Rows   [][]string
	Sum    []string // a last row, set off; nil: none
	Words  int      // so many columns from the left are words, the others numbers, which are aligned to the right
	Remark string   // below; "": none
}

// String is the table as text, with a newline at its end.
func (t Table) String() string {
	rows := t.Rows
	if t.headed() {
		rows = append([][]string{t.Heads}, rows...)
	}
	if t.Sum != nil {
		rows = append(slices.Clone(rows), t.Sum)
	}
	widths := make([]int, len(t.Heads))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	if t.Title != "" {
		b.WriteString(t.Title + "\n")
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			room := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				line += "  "
			}
			if i < t.Words {
				line += cell + room
			} else {
				line += room + cell
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if t.Remark != "" {
		b.WriteString(t.Remark + "\n")
	}
	return b.String()
}

// HTML is the table as HTML, with all of its text escaped.
func (t Table) HTML() string {
	var b strings.Builder
	line := func(tag string, row []string) {
		b.WriteString("<tr>")
		for i := range t.Heads {
			cell := ""
			if i < len(row) {
				cell = row[i]
			}
			align := "right"
			if i < t.Words {
				align = "left"
			}
			b.WriteString("<" + tag + ` style="text-align:` + align + `;vertical-align:top">` + html.EscapeString(cell) + "</" + tag + ">")
		}
		b.WriteString("</tr>")
	}
	if t.Title != "" {
		b.WriteString("<div><strong>" + html.EscapeString(t.Title) + "</strong></div>")
	}
	b.WriteString("<table>")
	if t.headed() {
		b.WriteString("<thead>")
		line("th", t.Heads)
		b.WriteString("</thead>")
	}
	b.WriteString("<tbody>")
	for _, row := range t.Rows {
		line("td", row)
	}
	if t.Sum != nil {
		line("th", t.Sum)
	}
	b.WriteString("</tbody></table>")
	if t.Remark != "" {
		b.WriteString(`<div style="opacity:0.7">` + html.EscapeString(t.Remark) + "</div>")
	}
	return b.String()
}

// headed tells whether any column has a head.
func (t Table) headed() bool { return strings.Join(t.Heads, "") != "" }
