package sweep

import (
	"fmt"
	"html"
	"path/filepath"
	"strings"
)

const pageStyle = `<style>
:root { color-scheme: light dark; font-family: sans-serif }
body { max-width: 60em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; font-size: 90% }
th, td { text-align: left; padding: 0.15em 0.8em 0.15em 0; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent) }
</style>`

// Page is the sweep as one HTML page that needs no other file.
func (s *Sweep) Page() string {
	title := html.EscapeString(filepath.Base(s.Dir))
	return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>` + title + `</title>` + pageStyle + `</head><body><h1>` + title + `</h1>` +
		s.HTML() + "</body></html>\n"
}

// HTML is what Page shows, for a page that is there.
func (s *Sweep) HTML() string {
	rows := s.Rows()
	var text strings.Builder
	fmt.Fprintf(&text, "<p>%s</p>", html.EscapeString(s.summary(rows)))
	text.WriteString(s.parallel(rows) + s.bestSoFar(rows))
	writeTable(&text, s.cells(rows))
	if means := s.means(rows); len(means) > 1 {
		text.WriteString("<br>")
		writeTable(&text, means)
	}
	return text.String()
}

// writeTable writes lines, the first of which is the head.
func writeTable(text *strings.Builder, lines [][]string) {
	text.WriteString("<table>")
	for i, line := range lines {
		tag := "td"
		if i == 0 {
			tag = "th"
		}
		text.WriteString("<tr>")
		for _, cell := range line {
			fmt.Fprintf(text, `<%s style="text-align:left">%s</%s>`, tag, html.EscapeString(cell), tag)
		}
		text.WriteString("</tr>")
	}
	text.WriteString("</table>")
}

// Summary says in a line how many trials there are of each state, and which is best.
func (s *Sweep) Summary() string { return s.summary(s.Rows()) }

func (s *Sweep) summary(rows []Row) string {
	count := map[State]int{}
	best := ""
	for _, r := range rows {
		count[r.State]++
		if r.Best {
			best = fmt.Sprintf("; best is trial %d, %s %.5g: %s", r.Index, s.Spec.Metric, r.Value, r.Trial)
		}
	}
	parts := []string{}
	for _, state := range []State{Done, Stopped, Training, Begun, Waiting, Diverged, Refused, Failed, Died, NoRoom, Interrupted} {
		if count[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[state], state))
		}
	}
	return fmt.Sprintf("%d trials to step %d: %s%s", len(s.Trials), s.Spec.Steps, strings.Join(parts, ", "), best)
}
