package value

import (
	"strings"
	"unicode/utf8"
)

// structured tells whether a tree has more form than a line of text has.
func (n *node) structured() bool {
	if n.kind == word || len(n.items) == 0 {
		return false
	}
	return !n.isFlat()
}

// html is the tree as HTML. It sets no colours but by opacity, so that it reads on light and dark pages.
func (n *node) html() string {
	var b strings.Builder
	n.writeHTML(&b, true)
	return b.String()
}

const (
	leftCell  = ` style="text-align:left;vertical-align:top"`
	rightCell = ` style="text-align:right;vertical-align:top"`
	aside     = ` style="opacity:0.7"`

	inlineHTML = 60 // characters up to which a value within another is a line
)

func (n *node) writeHTML(b *strings.Builder, top bool) {
	if !top {
		if line := n.line(inlineHTML + 1); n.kind == word || n.isFlat() || utf8.RuneCountInString(line) <= inlineHTML {
			if n.kind == word && n.cell != "" && n.amp == "" {
				line = n.cell
			}
			b.WriteString(escape(line))
			if n.isFlat() && n.more > 0 {
				b.WriteString("<div" + aside + ">" + escape(n.note) + "</div>")
			}
			return
		}
	}
	title := ""
	if n.kind == record {
		title = n.amp + n.of
	}
	if title != "" {
		b.WriteString("<div><strong>" + escape(title) + "</strong></div>")
	}
	t, isTable := n.table()
	rows, isMatrix := n.matrix()
	switch {
	case isTable:
		t.writeHTML(b)
	case isMatrix:
		n.writeMatrix(b, rows)
	default:
		n.writeItems(b)
	}
	if n.kind != record {
		b.WriteString("<div" + aside + ">" + escape(n.caption()) + "</div>")
	}
}

// writeItems writes a table with a row for each item: its name, key or place, and itself.
func (n *node) writeItems(b *strings.Builder) {
	b.WriteString("<table>")
	for i, item := range n.items {
		label := grouped(i)
		if n.names != nil {
			label = n.names[i]
		}
		align := leftCell
		if item.number && n.kind == mapping {
			align = rightCell
		}
		b.WriteString("<tr><th" + leftCell + ">" + escape(label) + "</th><td" + align + ">")
		item.writeHTML(b, false)
		b.WriteString("</td></tr>")
	}
	n.writeRest(b, 2)
	b.WriteString("</table>")
}

func (n *node) writeRest(b *strings.Builder, columns int) {
	if n.more > 0 {
		writeRest(b, n.rest(), columns)
	}
}

func writeRest(b *strings.Builder, rest string, columns int) {
	b.WriteString(`<tr><td colspan="` + grouped(columns) + `"` + leftCell + ">" + escape(rest) + "</td></tr>")
}

func (n *node) writeMatrix(b *strings.Builder, rows [][]string) {
	b.WriteString("<table>")
	for _, row := range rows {
		b.WriteString("<tr>")
		for _, cell := range row {
			b.WriteString("<td" + rightCell + ">" + escape(cell) + "</td>")
		}
		b.WriteString("</tr>")
	}
	n.writeRest(b, len(rows[0]))
	b.WriteString("</table>")
}

func (t *table) writeHTML(b *strings.Builder) {
	align := func(column int) string {
		if t.numbers[column] {
			return rightCell
		}
		return leftCell
	}
	b.WriteString("<table><thead><tr>")
	for i, head := range t.heads {
		b.WriteString("<th" + align(i) + ">" + escape(head) + "</th>")
	}
	if t.wide > 0 {
		b.WriteString("<th" + leftCell + ">… " + plural(t.wide, "more column", "more columns") + "</th>")
	}
	b.WriteString("</tr></thead><tbody>")
	for _, row := range t.rows {
		b.WriteString("<tr>")
		for i, cell := range row {
			tag := "td"
			if i == 0 {
				tag = "th"
			}
			b.WriteString("<" + tag + align(i) + ">" + escape(cell) + "</" + tag + ">")
		}
		b.WriteString("</tr>")
	}
	if t.rest != "" {
		writeRest(b, t.rest, len(t.heads))
	}
	b.WriteString("</tbody></table>")
}

// remarkHTML is a remark below HTML.
func remarkHTML(remark string) string { return "<div" + aside + ">(" + escape(remark) + ")</div>" }

// escape is text as HTML: what is no character there is U+FFFD.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&#34;")
		case r == '\'':
			b.WriteString("&#39;")
		case r < ' ' && r != '\n' && r != '\t', r >= 0x7f && r < 0xa0, r == 0xfffe, r == 0xffff:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
