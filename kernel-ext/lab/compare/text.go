package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	textWidth    = 110 // of a table in a terminal; a wider one is a list
	sparkWidth   = 48
	namesWidth   = 30  // of the names in a line of a list
	longestValue = 100 // characters of a setting
)

// String is the comparison as text.
func (c *Comparison) String() string {
	var text strings.Builder
	text.WriteString(lines(c.runs()))
	text.WriteString("\nsettings that differ\n")
	if len(c.Settings) == 0 {
		text.WriteString("none\n")
	}
	text.WriteString(c.settingsText())
	for _, name := range c.Numbers {
		text.WriteString("\n" + c.curveText(name))
	}
	for _, t := range c.Tables {
		fmt.Fprintf(&text, "\nmeasured %s: value [95 %% interval]\n%s", t.Of, tableText(t.cells()))
	}
	if len(c.Apart) > 0 {
		text.WriteString("\n")
	}
	for _, line := range c.Apart {
		text.WriteString(line + "\n")
	}
	return text.String()
}

// runs is the table of the runs: its head, and a line each.
func (c *Comparison) runs() [][]string {
	table := [][]string{{"run", "recipe", "data", "batch", "step", "state"}}
	for _, s := range c.Sides {
		table = append(table, []string{s.Name, s.Info.Recipe, s.Status.Data.Name, fmt.Sprint(s.Info.Batch), fmt.Sprint(s.Status.Step), string(s.Status.State)})
	}
	return table
}

// settings is the table of the settings: its head, and a line each.
func (c *Comparison) settings() [][]string {
	table := [][]string{append([]string{""}, c.names()...)}
	for _, s := range c.Settings {
		row := []string{s.Name}
		for _, v := range s.Values {
			row = append(row, cut(v))
		}
		table = append(table, row)
	}
	return table
}

func (c *Comparison) names() (names []string) {
	for _, s := range c.Sides {
		names = append(names, s.Name)
	}
	return names
}

// settingsText is the settings as a table, those that are too long for it as lists below.
func (c *Comparison) settingsText() string {
	if len(c.Settings) == 0 {
		return ""
	}
	room := max(8, (textWidth-20)/len(c.Sides)-2)
	short := [][]string{append([]string{""}, c.names()...)}
	var long []Setting
	for _, s := range c.Settings {
		if slices.ContainsFunc(s.Values, func(v string) bool { return utf8.RuneCountInString(v) > room }) {
			long = append(long, s)
			continue
		}
		short = append(short, append([]string{s.Name}, s.Values...))
	}
	text := ""
	if len(short) > 1 {
		text = tableText(short)
	}
	for _, s := range long {
		text += s.Name + "\n" + listText(c.names(), s.Values)
	}
	return text
}

// tableText is a table, or, where it is too wide, lists.
func tableText(table [][]string) string {
	text := lines(table)
	if first, _, _ := strings.Cut(text, "\n"); utf8.RuneCountInString(strings.TrimRight(first, " ")) <= textWidth {
		return text
	}
	text = ""
	for _, row := range table[1:] {
		text += row[0] + "\n" + listText(table[0][1:], row[1:])
	}
	return text
}

// listText is what each has, a line for those that have the same.
func listText(names, values []string) string {
	var all []string // different values
	for _, v := range values {
		if v != "" && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	table := [][]string{}
	for _, v := range all {
		row := []string{"", "", cut(v)}
		for i, name := range names {
			switch {
			case values[i] != v:
			case row[1] == "":
				row[1] = name
			case utf8.RuneCountInString(row[1]+name) > namesWidth:
				table, row = append(table, row), []string{"", name, ""}
			default:
				row[1] += ", " + name
			}
		}
		table = append(table, row)
	}
	return lines(table)
}

// cut is a value that is not too long to be read; where values differ is at their beginnings.
func cut(value string) string {
	if runes := []rune(value); len(runes) > longestValue {
		return string(runes[:longestValue-2]) + " …"
	}
	return value
}

// lines is a table with columns below each other.
func lines(table [][]string) string {
	widths := map[int]int{}
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for _, row := range table {
		line := ""
		for i, cell := range row {
			line += cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
		}
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return text.String()
}

// curveText is a number of all runs, one below the other, all between the same bounds: the least and the greatest that is drawn.
func (c *Comparison) curveText(number string) string {
	end := c.lastStep(number)
	drawn := make([][]float64, len(c.Sides))
	low, high := math.Inf(1), math.Inf(-1)
	for i, s := range c.Sides {
		curve := s.History.Curve(number)
		drawn[i] = columns(curve.X, curve.Y, end, sparkWidth)
		for _, v := range drawn[i] {
			if v == v {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if low > high {
		return number + ": never finite\n"
	}
	table := [][]string{}
	for i, s := range c.Sides {
		if last, is := s.Last[number]; is {
			table = append(table, []string{"", s.Name, spark(drawn[i], low, high), fmt.Sprintf("%.4g", last)})
		}
	}
	return fmt.Sprintf("%s, drawn from %.4g to %.4g, to step %.0f\n%s", number, low, high, end, lines(table))
}

// cells is the table: its head, and a line for each number.
func (t Table) cells() [][]string {
	table := [][]string{slices.Concat([]string{""}, t.Names, []string{"real", "better"})}
	for _, r := range t.Rows {
		table = append(table, slices.Concat([]string{r.Name}, r.Values, []string{r.Real, string(r.Better)}))
	}
	return table
}
