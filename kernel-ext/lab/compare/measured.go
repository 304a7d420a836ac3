package compare

import (
	"fmt"
	"slices"

	"gantry.local/gan/metric"
)

// Table is what was measured of runs that can be compared: by as many samples, on the same features of the same data.
type Table struct {
	Of    string   // the data, the features and the samples
	Names []string // of the runs, each with its step
	Rows  []Row
}

// Row is one number of a Table.
type Row struct {
	Name   string
	Better metric.Better // which way it is better, "" where neither is
	Values []string      // of each run, with a 95 % interval; "": it was not measured
	Real   string        // what real data gets; ""
}

// tables makes a table of the measured sides, or one each of those that do not compare.
func (c *Comparison) tables() {
	var measured, not []Side
	for _, s := range c.Sides {
		if s.Measured != nil {
			measured = append(measured, s)
		} else {
			not = append(not, s)
		}
	}
	of := func(s Side) string {
		m := s.Measured
		return fmt.Sprintf("on %s, features %s, %d samples", m.Data, m.Features, m.Samples)
	}
	all := grouped(measured, of)
	for _, g := range all {
		t := Table{Of: g.key}
		var sides []Side
		for _, s := range measured {
			if of(s) == g.key {
				sides, t.Names = append(sides, s), append(t.Names, fmt.Sprintf("%s, step %d", s.Name, s.Measured.Step))
			}
		}
		for i, s := range sides {
			for _, n := range s.Measured.Numbers {
				at := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Name == n.Name })
				if at < 0 {
					at, t.Rows = len(t.Rows), append(t.Rows, Row{Name: n.Name, Better: n.Better, Real: n.Floor(), Values: make([]string, len(sides))})
				}
				t.Rows[at].Values[i] = n.Interval()
			}
		}
		c.Tables = append(c.Tables, t)
	}
	if len(all) > 1 {
		c.apart("what was measured on other data or features, or by other numbers of samples, does not compare: %s", all)
	}
	if len(not) > 0 {
		c.apart("%s not measured yet: `gantry measure --run DIR`, or run.Measure in a cell, does it", grouped(not, func(Side) string { return "is" }).was())
	}
}

// was lists the names of all, with the verb that goes with so many.
func (g groups) was() string {
	if names := g[0].names; len(names) > 1 {
		return list(names) + " are"
	}
	return g[0].names[0] + " is"
}
