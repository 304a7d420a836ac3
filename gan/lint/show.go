package lint

import (
	"fmt"
	"html"
	"strings"

	"gantry.local/gan/internal/table"
)

// ShowValue shows the summary in a notebook.
func (s Summary) ShowValue() map[string]any {
	return map[string]any{"text/plain": s.String(), "text/html": s.HTML()}
}

// String is the summary as text of several lines.
func (s Summary) String() string {
	var b strings.Builder
	b.WriteString(s.title() + "\n")
	for _, t := range s.tables() {
		b.WriteString("\n" + t.String())
	}
	for _, line := range s.remarks() {
		b.WriteString("\n" + line)
	}
	return b.String()
}

// HTML is the summary for a notebook.
func (s Summary) HTML() string {
	var b strings.Builder
	b.WriteString("<div><strong>" + html.EscapeString(s.title()) + "</strong></div>")
	for _, t := range s.tables() {
		b.WriteString(t.HTML())
	}
	for _, line := range s.remarks() {
		b.WriteString("<div>" + html.EscapeString(line) + "</div>")
	}
	return b.String()
}

func (s Summary) title() string { return s.Name + " on " + s.Data }

// tables are those of the networks, of the settings and of the findings.
func (s Summary) tables() (all []table.Table) {
	for _, n := range s.Networks {
		all = append(all, n.table())
	}
	settings := table.Table{Heads: []string{"setting", "here", "default"}, Words: 3}
	for _, setting := range s.Settings {
		settings.Rows = append(settings.Rows, []string{setting.Name, setting.Value, setting.Default})
	}
	if len(s.Settings) > 0 {
		all = append(all, settings)
	}
	if len(s.Findings) > 0 {
		all = append(all, s.Findings.table())
	}
	return all
}

// ShowValue shows the findings in a notebook, or that there are none.
func (all Findings) ShowValue() map[string]any {
	if len(all) == 0 {
		return map[string]any{"text/plain": nothingFound}
	}
	t := all.table()
	return map[string]any{"text/plain": strings.TrimRight(t.String(), "\n"), "text/html": t.HTML()}
}

const nothingFound = "the linter found nothing"

func (all Findings) table() table.Table {
	t := table.Table{Heads: []string{"the linter found", "problem", "remedy"}, Words: 3}
	for _, f := range all {
		t.Rows = append(t.Rows, []string{f.Rule, f.Problem, f.Remedy})
	}
	return t
}

func (n NetworkSummary) table() table.Table {
	t := table.Table{
		Title: fmt.Sprintf("%s, %s → %s", n.Name, table.Shape(n.Input...), table.Shape(n.Output...)),
		Heads: []string{n.Name, "layer", "output", "parameters", "FLOP"}, Words: 3,
		Sum: []string{"", "sum", "", table.Count(n.Parameters), flop(n.Products)},
	}
	for _, l := range n.Layers {
		output := "unused"
		if l.Output != nil {
			output = table.Shape(l.Output...)
		}
		t.Rows = append(t.Rows, []string{l.Name, l.Kind, output, table.Count(l.Parameters), flop(l.Products)})
	}
	t.Heads[0] = "scope"
	if n.Kept > 0 {
		t.Remark = fmt.Sprintf("and %s numbers that are kept and not trained", table.Count(n.Kept))
	}
	return t
}

// flop is a number of operations, nothing where there are none.
func flop(x float64) string {
	if x == 0 {
		return ""
	}
	return strings.TrimSuffix(table.Amount(x, ""), " ")
}

// remarks are the lines below the tables.
func (s Summary) remarks() (lines []string) {
	parameters := 0
	for _, n := range s.Networks {
		parameters += n.Parameters
	}
	lines = append(lines, fmt.Sprintf("%s parameters; %s of weights and optimizer state and %s of data on the device",
		table.Count(parameters), table.Amount(float64(s.Step.State), "B"), table.Amount(float64(s.Step.Data), "B")))
	of := "a step"
	if s.Step.Private {
		of = "the generator's part of a step"
	}
	lines = append(lines, fmt.Sprintf("%s of batch %d: %s in products, %s elementwise; at most %s of intermediate results", of, s.BatchSize,
		table.Amount(s.Step.Cost.Products, "FLOP"), table.Amount(s.Step.Cost.Elementwise, "FLOP"), table.Amount(float64(s.Step.Between), "B")))
	if len(s.Settings) == 0 {
		lines = append(lines, "every setting is the default")
	}
	if len(s.Findings) == 0 {
		lines = append(lines, nothingFound)
	}
	return lines
}
