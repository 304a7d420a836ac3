package compare

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gantry.local/gan/metric"
	"gantry.local/kernel-ext/lab/record"
)

// Most is how many runs a comparison can have.
const Most = 64

// Comparison is runs side by side. It shows itself, as text and as HTML.
type Comparison struct {
	Sides    []Side
	Settings []Setting // in which they differ
	Numbers  []string  // that at least two report, the losses and the distance first
	Tables   []Table   // of what was measured
	Apart    []string  // what cannot be laid side by side, a line each
}

// Of compares at least two runs.
func Of(sides []Side) (*Comparison, error) {
	switch {
	case len(sides) < 2:
		return nil, errors.New("a comparison needs at least two runs: name another")
	case len(sides) > Most:
		return nil, fmt.Errorf("%d runs are too many to compare: name at most %d, or train them as a sweep, which has a table of its own", len(sides), Most)
	}
	sides = slices.Clone(sides)
	if err := nameApart(sides); err != nil {
		return nil, err
	}
	c := &Comparison{Sides: sides, Settings: differing(sides)}
	c.lay()
	return c, nil
}

// nameApart calls runs of one name in different folders by their folders.
func nameApart(sides []Side) error {
	count := map[string]int{}
	seen := map[string]bool{}
	for _, s := range sides {
		if seen[s.Status.Dir] {
			return fmt.Errorf("run %s is named twice: a comparison has each run once", s.Name)
		}
		seen[s.Status.Dir] = true
		count[s.Name]++
	}
	for i, s := range sides {
		if count[s.Name] > 1 {
			sides[i].Name = filepath.Join(filepath.Base(filepath.Dir(s.Status.Dir)), s.Name)
		}
	}
	return nil
}

// lay finds what the sides have in common, and says what they have not.
func (c *Comparison) lay() {
	reporting := map[string][]string{} // runs by number
	var all []string
	for _, s := range c.Sides {
		for _, name := range s.History.Names() {
			if reporting[name] == nil {
				all = append(all, name)
			}
			reporting[name] = append(reporting[name], s.Name)
		}
	}
	all = slices.DeleteFunc(all, func(name string) bool { return len(reporting[name]) < 2 })
	if len(all) > 0 {
		c.Numbers = record.Losses(all)
	}
	if slices.Contains(all, metric.KernelName) && !slices.Contains(c.Numbers, metric.KernelName) {
		c.Numbers = append(c.Numbers, metric.KernelName)
	}
	for _, name := range all {
		if !slices.Contains(c.Numbers, name) {
			c.Numbers = append(c.Numbers, name)
		}
	}
	if len(c.Numbers) == 0 {
		c.apart("no two of the runs report a number of one name: there are no curves to lay side by side")
	}
	for _, s := range c.Sides {
		var own []string
		for _, name := range s.History.Names() {
			if len(reporting[name]) == 1 {
				own = append(own, name)
			}
		}
		if len(own) > 0 && len(c.Numbers) > 0 {
			c.apart("only %s reports %s", s.Name, strings.Join(own, ", "))
		}
	}
	if groups := grouped(c.Sides, Side.shape); len(groups) > 1 {
		c.apart("samples of different shapes do not compare: %s", groups)
	}
	if groups := grouped(c.drawing(), func(s Side) string { return fmt.Sprintf("%d", s.Status.Latent) }); len(groups) > 1 {
		c.apart("latents of different sizes are not the same ones: %s components", groups)
	}
	c.tables()
}

// drawing are the sides that draw samples.
func (c *Comparison) drawing() (all []Side) {
	for _, s := range c.Sides {
		if s.Status.Latent > 0 {
			all = append(all, s)
		}
	}
	return all
}

func (c *Comparison) apart(format string, values ...any) {
	c.Apart = append(c.Apart, fmt.Sprintf(format, values...))
}

// NoPicture notes why the samples of a side are not shown.
func (c *Comparison) NoPicture(side int, why error) {
	c.apart("the samples of %s are not shown: %s", c.Sides[side].Name, record.OneLine(why))
}

// groups are the names of runs by what they have in common, in the order in which they come.
type groups []group

type group struct {
	key   string
	names []string
}

// grouped puts the sides of one key together.
func grouped(sides []Side, key func(Side) string) (all groups) {
	for _, s := range sides {
		k := key(s)
		at := slices.IndexFunc(all, func(g group) bool { return g.key == k })
		if at < 0 {
			at, all = len(all), append(all, group{key: k})
		}
		all[at].names = append(all[at].names, s.Name)
	}
	return all
}

// String lists them: "a and b 28×28×1, c 1×1×2".
func (g groups) String() string {
	var parts []string
	for _, one := range g {
		parts = append(parts, list(one.names)+" "+one.key)
	}
	return strings.Join(parts, ", ")
}

// list is names in a row of words, the first few of many.
func list(names []string) string {
	if n := len(names); n > 1 && n <= 4 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return record.ShortList(names, 4)
}
