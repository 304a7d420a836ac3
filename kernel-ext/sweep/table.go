package sweep

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/lab/record"
)

// Row is how a trial stands.
type Row struct {
	Trial
	State    State
	Step     int                // of the last record
	Value    float64            // of the metric there; NaN: none
	Metrics  map[string]float64 // all of the last record
	Seconds  float64            // that its processes took; 0 until the first has ended
	Attempts int                // processes that have ended
	Ended    time.Time          // zero until it has
	Problem  string
	Best     bool // of all that are done
}

// HasValue tells whether the metric has a value.
func (r Row) HasValue() bool { return !math.IsNaN(r.Value) }

// Rows are all trials in the spec's order, as their folders say.
func (s *Sweep) Rows() []Row {
	rows := make([]Row, len(s.Trials))
	best := -1
	for i, t := range s.Trials {
		rows[i] = s.row(t)
		if r := rows[i]; r.State == Done && r.HasValue() && (best < 0 || s.Spec.Best.Better(r.Value, rows[best].Value)) {
			best = i
		}
	}
	if best >= 0 {
		rows[best].Best = true
	}
	return rows
}

func (s *Sweep) row(t Trial) Row {
	dir := s.dirOf(t)
	r := Row{Trial: t, State: Waiting, Value: math.NaN()}
	r.Metrics = LastRecord(filepath.Join(dir, progressFile))
	if step, is := r.Metrics["step"]; is {
		r.Step = int(step)
	}
	if v, is := r.Metrics[s.Spec.Metric]; is {
		r.Value = v
	}
	o, ended := s.outcome(t)
	r.Seconds, r.Attempts, r.Problem, r.Ended = o.Seconds, o.Attempts, o.Problem, o.Ended
	switch {
	case record.Lives(dir):
		r.State, r.Problem, r.Ended = Training, "", time.Time{}
	case ended && o.State == Done && o.Steps < s.Spec.Steps && s.Spec.Halving != nil && s.Spec.Halving.rung(o.Steps):
		r.State = Stopped
	case ended && o.State == Done && o.Steps < s.Spec.Steps:
		r.State = Begun
	case ended:
		r.State = o.State
	case record.Holds(dir):
		r.State = Begun
	}
	return r
}

// rung tells whether trials may be stopped at a step.
func (h Halving) rung(step int) bool {
	at := h.First
	for at < step {
		at *= h.factor()
	}
	return at == step
}

const longestRecord = 64 << 10 // bytes

// LastRecord is the last whole line of a file of JSON lines, its numbers alone; nil: there is none.
func LastRecord(path string) map[string]float64 {
	f, err := private.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-longestRecord), longestRecord))
	if err != nil {
		return nil
	}
	lines := bytes.Split(text, []byte("\n"))
	for _, line := range slices.Backward(lines[:len(lines)-1]) { // what stands behind the last end of a line is not whole
		var values map[string]float64
		if json.Unmarshal(line, &values) == nil {
			return values
		}
	}
	return nil
}

// varied are the settings in which trials differ, in their order.
func (s *Sweep) varied() []string {
	all := map[string]Value{}
	for _, t := range s.Trials {
		maps.Copy(all, t.Settings)
	}
	var names []string
	for _, name := range order(all) {
		if slices.ContainsFunc(s.Trials, func(t Trial) bool { return t.Settings[name] != s.Trials[0].Settings[name] }) {
			names = append(names, name)
		}
	}
	return names
}

// ranked are the rows, the best first and those without a value last.
func (s *Sweep) ranked(rows []Row) []Row {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int {
		rank := func(r Row) int {
			switch {
			case r.State == Done && r.HasValue():
				return 0
			case r.State == Stopped:
				return 1
			case r.State.code() == CodeInterrupted:
				return 2
			}
			return 3
		}
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		switch {
		case !a.HasValue() || !b.HasValue() || rank(a) > 1:
			return a.Index - b.Index
		case s.Spec.Best.Better(a.Value, b.Value):
			return -1
		case s.Spec.Best.Better(b.Value, a.Value):
			return 1
		}
		return a.Index - b.Index
	})
	return rows
}

// cells are the table: its head, and a line for each trial, the best first.
func (s *Sweep) cells(rows []Row) [][]string {
	varied := s.varied()
	table := [][]string{slices.Concat([]string{"trial"}, varied, []string{s.Spec.Metric, "step", "seconds", "state", ""})}
	for _, r := range s.ranked(rows) {
		line := []string{strconv.Itoa(r.Index)}
		for _, name := range varied {
			line = append(line, string(r.Settings[name]))
		}
		value, seconds := "", ""
		if r.HasValue() {
			value = strconv.FormatFloat(r.Value, 'g', 5, 64)
		}
		if r.Seconds > 0 {
			seconds = strconv.FormatFloat(r.Seconds, 'f', 1, 64)
		}
		remark := r.Problem
		if r.Best {
			remark = "best"
		}
		table = append(table, append(line, value, strconv.Itoa(r.Step), seconds, string(r.State), remark))
	}
	return table
}

// Table is the sweep as a table in text, the best trial first, with the means over the seeds below where there are several.
func (s *Sweep) Table() string {
	rows := s.Rows()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, line := range s.cells(rows) {
		fmt.Fprintln(w, strings.TrimRight(strings.Join(line, "\t"), "\t"))
	}
	w.Flush()
	if means := s.means(rows); len(means) > 1 {
		text.WriteString("\n")
		for _, line := range means {
			fmt.Fprintln(w, strings.TrimRight(strings.Join(line, "\t"), "\t"))
		}
		w.Flush()
	}
	return text.String()
}
