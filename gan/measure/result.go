package measure

import (
	"fmt"
	"strings"

	"gantry.local/gan/internal/table"
	"gantry.local/gan/metric"
)

// Result is what was found of a generator: numbers in a fixed order, and why others are missing.
type Result struct {
	Data     string   `json:"data"`     // the set's name
	Features string   `json:"features"` // of the distances and shares: an Extractor's name; only numbers on the same features compare
	Samples  int      `json:"samples"`  // on each side of a comparison
	Seed     int64    `json:"seed"`     // of the samples, of the choice of real ones, and of the intervals
	Numbers  []Number `json:"numbers"`
	Missing  []string `json:"missing,omitempty"` // a line for each metric that does not fit, with the reason
}

// Number is a measured number.
type Number struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Low   float64 `json:"low"` // a 95 % interval of Value
	High  float64 `json:"high"`
	// Real is what real data gets in the place of the samples, which no generator can be expected to surpass; nil where there is no such thing.
	Real *float64 `json:"real"`
	// Better is which way Value is better, "" where neither is, and Note what there is to say of it.
	Better metric.Better `json:"better,omitempty"`
	Note   string        `json:"note,omitempty"`
}

// Interval is the value with its interval, in four digits.
func (n Number) Interval() string { return fmt.Sprintf("%.4g [%.4g, %.4g]", n.Value, n.Low, n.High) }

// Floor is what real data gets, in four digits, or "".
func (n Number) Floor() string {
	if n.Real == nil {
		return ""
	}
	return fmt.Sprintf("%.4g", *n.Real)
}

// Number finds a number by its name.
func (r Result) Number(name string) (n Number, found bool) {
	for _, n := range r.Numbers {
		if n.Name == name {
			return n, true
		}
	}
	return Number{}, false
}

// String is the table as text.
func (r Result) String() string {
	text := r.table().String()
	for _, line := range r.Missing {
		text += line + "\n"
	}
	return text
}

// HTML is the table for a notebook.
func (r Result) HTML() string {
	return r.table().HTML() + (table.Table{Rows: rowsOf(r.Missing), Heads: []string{""}, Words: 1}).HTML()
}

func (r Result) table() table.Table {
	t := table.Table{Title: fmt.Sprintf("%d samples against %s, features %s, seed %d", r.Samples, r.Data, r.Features, r.Seed),
		Heads: []string{"", "better", "generated", "95 % interval", "real"}, Words: 2,
		Remark: "real: real samples in the place of the generated ones, which no generator can be expected to surpass"}
	for _, n := range r.Numbers {
		better := string(n.Better)
		if n.Note != "" {
			better += " (" + n.Note + ")"
		}
		t.Rows = append(t.Rows, []string{n.Name, strings.TrimSpace(better), fmt.Sprintf("%.4g", n.Value), fmt.Sprintf("%.4g … %.4g", n.Low, n.High), n.Floor()})
	}
	return t
}

func rowsOf(lines []string) (rows [][]string) {
	for _, line := range lines {
		rows = append(rows, []string{line})
	}
	return rows
}
