// Package page writes HTML for people to look at: whole pages that need no other file, and tables, for these and for notebooks.
package page

import (
	"fmt"
	"html"
	"strings"
)

// Whole is a page with a title, light or dark as the reader has it. Its text is at most so wide, as CSS says widths. The body is HTML.
func Whole(title, width, body string) string {
	title = html.EscapeString(title)
	return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>` + title + `</title><style>
:root { color-scheme: light dark; font-family: sans-serif }
body { max-width: ` + width + `; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; font-size: 90% }
th, td { text-align: left; padding: 0.15em 0.8em 0.15em 0; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent) }
</style></head><body><h1>` + title + `</h1>` + body + "</body></html>\n"
}

// The styles of a table's cells, which a notebook's own would be otherwise.
const (
	Left    = "text-align:left"
	LeftTop = "text-align:left;vertical-align:top"
)

// WriteTable writes lines of cells, the first of which is the head.
func WriteTable(text *strings.Builder, style string, lines [][]string) {
	text.WriteString("<table>")
	for i, line := range lines {
		tag := "td"
		if i == 0 {
			tag = "th"
		}
		text.WriteString("<tr>")
		for _, cell := range line {
			fmt.Fprintf(text, `<%s style="%s">%s</%s>`, tag, style, html.EscapeString(cell), tag)
		}
		text.WriteString("</tr>")
	}
	text.WriteString("</table>")
}
