package metric

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gantry.local/gan/internal/table"
)

// Report is what Compare finds: named numbers, in the order of the measurements. One that is better lower should be near its Real, from
// above; one that is better higher, from below.
type Report struct {
	Features  string   `json:"features"`            // what the features are
	Reference string   `json:"reference,omitempty"` // where they come from, "" where that isn't known
	N         int      `json:"n"`                   // vectors on each side of a comparison
	Numbers   []Number `json:"numbers"`
}

// Number finds a number by its name.
func (r Report) Number(name string) (n Number, found bool) {
	for _, n := range r.Numbers {
		if n.Name == name {
			return n, true
		}
	}
	return Number{}, false
}

// String prints the report as one table.
func (r Report) String() string {
	wide := 16
	for _, n := range r.Numbers {
		wide = max(wide, utf8.RuneCountInString(n.Name))
	}
	var out strings.Builder
	out.WriteString(r.title() + "\n")
	fmt.Fprintf(&out, "%-*s %9s   %-21s %9s   %s\n", wide, "", "generated", "95 % interval", "real", "better")
	for _, n := range r.Numbers {
		fmt.Fprintf(&out, "%-*s %9.4f   %9.4f … %-9.4f %9.4f   %s\n", wide, n.Name, n.Value, n.Low, n.High, n.Real, n.remark())
	}
	return out.String()
}

// HTML is the table for a notebook.
func (r Report) HTML() string {
	t := table.Table{Title: r.title(), Heads: []string{"", "generated", "95 % interval", "real", "better"}, Words: 1,
		Remark: "real: as many real samples in the place of the generated ones, which no generator can be expected to surpass"}
	if r.Reference != "" {
		t.Remark += "; features: " + r.Reference
	}
	for _, n := range r.Numbers {
		t.Rows = append(t.Rows, []string{n.Name, fmt.Sprintf("%.4f", n.Value), fmt.Sprintf("%.4f … %.4f", n.Low, n.High),
			fmt.Sprintf("%.4f", n.Real), n.remark()})
	}
	return t.HTML()
}

func (r Report) title() string {
	return fmt.Sprintf("features %s, %d generated against %d real", r.Features, r.N, r.N)
}

// remark says which way a number is better, and its note.
func (n Number) remark() string {
	if n.Note == "" {
		return string(n.Better)
	}
	return fmt.Sprintf("%s (%s)", n.Better, n.Note)
}
