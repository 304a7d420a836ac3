package sweep

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// group are the trials that differ in their seeds alone.
type group struct {
	settings map[string]Value
	values   []float64 // of the metric, of those that are done
	trials   int
}

// means is a table of the metric over the seeds of each setting, mean and standard deviation of one seed (n-1), the best mean first; nil where
// no two trials differ in their seed alone.
func (s *Sweep) means(rows []Row) [][]string {
	var order []string
	groups := map[string]*group{}
	for _, r := range rows {
		settings := maps.Clone(r.Settings)
		delete(settings, "seed")
		key := identity(settings)
		if groups[key] == nil {
			groups[key] = &group{settings: settings}
			order = append(order, key)
		}
		g := groups[key]
		if g.trials++; r.State == Done && r.HasValue() {
			g.values = append(g.values, r.Value)
		}
	}
	if len(order) == len(s.Trials) {
		return nil
	}
	varied := slices.DeleteFunc(s.varied(), func(name string) bool { return name == "seed" })
	table := [][]string{slices.Concat(varied, []string{s.Spec.Metric + " over seeds", "seeds"})}
	slices.SortStableFunc(order, func(a, b string) int {
		x, y := groups[a].mean(), groups[b].mean()
		if s.Spec.Best == Greatest {
			x, y = -x, -y
		}
		switch {
		case math.IsNaN(x) && math.IsNaN(y):
			return 0
		case math.IsNaN(x):
			return 1
		case math.IsNaN(y):
			return -1
		}
		return cmp.Compare(x, y)
	})
	for _, key := range order {
		g := groups[key]
		var line []string
		for _, name := range varied {
			line = append(line, string(g.settings[name]))
		}
		text := ""
		if len(g.values) > 0 {
			text = strconv.FormatFloat(g.mean(), 'g', 5, 64)
		}
		if len(g.values) > 1 {
			text += " ± " + strconv.FormatFloat(g.deviation(), 'g', 2, 64)
		}
		table = append(table, append(line, text, fmt.Sprintf("%d of %d", len(g.values), g.trials)))
	}
	return table
}

// mean is NaN where no trial is done.
func (g *group) mean() float64 {
	sum := 0.0
	for _, v := range g.values {
		sum += v
	}
	return sum / float64(len(g.values))
}

func (g *group) deviation() float64 {
	mean, sum := g.mean(), 0.0
	for _, v := range g.values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(g.values)-1))
}
