package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"gantry.local/kernel-ext/analysis"
	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/keep"
	"gantry.local/kernel-ext/keep/store"
)

// values are the variables that live on from cell to cell. The goroutine that runs cells owns them.
type values struct {
	dir   string          // where they lie
	name  string          // of the manifest that holds; empty: there are none
	now   *store.Manifest // its content
	gone  map[string]gone // names that a cell has declared and that are not kept, by name
	off   bool            // GoNB's own rules
	count int             // of manifests made

	packages *analysis.Packages
	imports  map[string][]string // that goimports has found, by what was lacking
}

// gone is a variable that is not kept, whatever its content, and why.
type gone struct {
	cell int
	why  string // a clause
}

// openValues makes the folder of the values of a kernel.
func openValues(dir string, h *engineHost) (*values, error) {
	v := &values{dir: dir, now: &store.Manifest{}, gone: map[string]gone{}, imports: map[string][]string{}}
	v.packages = analysis.NewPackages(h.findPackages)
	return v, os.Mkdir(v.dir, 0o700)
}

// notebook is what a cell is read with.
func (v *values) notebook(h *engineHost, earlier *golang.Earlier, serial int) *analysis.Notebook {
	n := &analysis.Notebook{Serial: serial, Packages: v.packages, Earlier: earlier, Values: map[string]analysis.Value{}}
	n.Imports = func(ctx context.Context, source string, lacking []string) ([]string, error) {
		return v.findImports(ctx, h, source, lacking)
	}
	for _, kept := range v.now.Values {
		value := analysis.Value{Cell: kept.Cell, Group: kept.Cluster}
		if value.Why = kept.Why; kept.Why != "" && !kept.Changed {
			value.Why = "it holds " + kept.Why + ", which does not outlive its cell"
		}
		for _, t := range kept.Types {
			value.Cells = append(value.Cells, declaredAs(t.Name))
		}
		if kept.Cluster != store.NotKept {
			uses := v.now.Clusters[kept.Cluster].Uses
			value.Code = map[string]string{}
			for _, name := range uses.Code {
				name = analysis.Maker(name)
				if f := store.FunctionNamed(name); f.Nameable {
					value.Code[name] = f.Expr
				} else {
					value.Makers = append(value.Makers, f.Packages...)
				}
			}
			for _, t := range slices.Concat(uses.Types, uses.StandIns) {
				if t.Nameable {
					value.Types = append(value.Types, t.Expr)
				} else {
					value.Makers = append(value.Makers, t.Packages...)
				}
			}
		}
		n.Values[kept.Name] = value
	}
	for name, g := range v.gone {
		if _, ok := n.Values[name]; !ok {
			n.Values[name] = analysis.Value{Cell: g.cell, Why: g.why, Group: store.NotKept}
		}
	}
	return n
}

// declaredAs is what the cell that declares a type calls it: of List[int], List.
func declaredAs(name string) string {
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "main."), "[")
	return name
}

// environment is what a program finds and leaves the values by. next is the name of the manifest that it leaves.
func (v *values) environment() (env []string, next string) {
	v.count++
	next = fmt.Sprintf("state-%d", v.count)
	return []string{keep.EnvDir + "=" + v.dir, keep.EnvFrom + "=" + v.name, keep.EnvTo + "=" + next}, next
}

// adopt makes what a program has left behind what holds, without what its cell dropped.
func (v *values) adopt(next string, c *analysis.Cell, number int) (dropped []string, err error) {
	m, err := store.ReadManifest(v.dir, next)
	switch {
	case errors.Is(err, os.ErrNotExist) && len(c.Values) > 0: // it ended before its end, as by os.Exit(0)
		return nil, nil
	case errors.Is(err, os.ErrNotExist): // it had nothing to keep
		m, next = v.now, v.name
	case err != nil:
		return nil, err
	}
	for _, name := range c.Values {
		delete(v.gone, name)
	}
	for name, why := range c.Local {
		v.gone[name] = gone{number, why}
	}
	out := slices.Clone(c.Dropped)
	for _, kept := range m.Values {
		for _, t := range kept.Types {
			if slices.Contains(c.Changed, declaredAs(t.Name)) && !slices.Contains(c.Values, kept.Name) {
				dropped = append(dropped, kept.Name)
				v.gone[kept.Name] = gone{kept.Cell, fmt.Sprintf("cell [%d] has changed its type %s", number, declaredAs(t.Name))}
			}
		}
	}
	return dropped, v.become(next, m, append(out, dropped...))
}

// become makes a manifest what holds, without some names.
func (v *values) become(name string, m *store.Manifest, without []string) error {
	if len(without) > 0 {
		v.count++
		name, m = fmt.Sprintf("state-%d", v.count), m.Without(without...)
		if err := m.Write(v.dir, name); err != nil {
			return err
		}
	}
	v.name, v.now = name, m
	return store.Sweep(v.dir, name)
}

// forget forgets names; none: all of them.
func (v *values) forget(names ...string) error {
	if len(names) == 0 {
		for _, kept := range v.now.Values {
			names = append(names, kept.Name)
		}
		clear(v.gone)
	}
	for _, name := range names {
		delete(v.gone, name)
	}
	return v.become(v.name, v.now, names)
}

// table lists the values, as %who shows them.
func (v *values) table() string {
	rows := [][]string{{"name", "type", "size", "cell", "state"}}
	for _, kept := range v.now.Values {
		state := "kept"
		if kept.Why != "" {
			state = "not kept: " + kept.Why
		}
		rows = append(rows, []string{kept.Name, strings.ReplaceAll(kept.Type, "main.", ""), size(kept.Size), fmt.Sprintf("[%d]", kept.Cell), state})
	}
	for name, g := range v.gone {
		if v.now.Value(name) == nil {
			rows = append(rows, []string{name, "", "", fmt.Sprintf("[%d]", g.cell), "not kept: " + g.why})
		}
	}
	if len(rows) == 1 {
		return "No variables yet.\n"
	}
	slices.SortFunc(rows[1:], func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	return b.String()
}

// size says a number of bytes as people do.
func size(bytes int64) string {
	switch {
	case bytes < 1<<10:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	case bytes < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}
