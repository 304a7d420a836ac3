package sweep

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"gantry.local/kernel-ext/internal/wholefile"
)

// CSV is the sweep as comma-separated values in the order of its trials: the trial's number and name, its settings, its state, what was the
// matter, seconds, and every metric of its last record.
func (s *Sweep) CSV() ([]byte, error) {
	rows := s.Rows()
	settings, metrics := map[string]Value{}, map[string]bool{}
	for _, r := range rows {
		maps.Copy(settings, r.Settings)
		for name := range r.Metrics {
			metrics[name] = true
		}
	}
	delete(metrics, "step")
	names, measured := order(settings), slices.Sorted(maps.Keys(metrics))
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	w.Write(slices.Concat([]string{"trial", "name"}, names, []string{"state", "problem", "step", "trial_seconds"}, measured))
	for _, r := range rows {
		line := []string{strconv.Itoa(r.Index), r.Name}
		for _, name := range names {
			line = append(line, string(r.Settings[name]))
		}
		line = append(line, string(r.State), r.Problem, strconv.Itoa(r.Step), strconv.FormatFloat(r.Seconds, 'f', 3, 64))
		for _, name := range measured {
			cell := ""
			if v, is := r.Metrics[name]; is {
				cell = strconv.FormatFloat(v, 'g', -1, 64)
			}
			line = append(line, cell)
		}
		w.Write(line)
	}
	w.Flush()
	return text.Bytes(), w.Error()
}

// WriteResults writes the table and the page into the sweep's folder.
func (s *Sweep) WriteResults() error {
	table, err := s.CSV()
	if err != nil {
		return err
	}
	if err := wholefile.Write(filepath.Join(s.Dir, CSVFile), table, 0o600); err != nil {
		return fmt.Errorf("the results: %w", err)
	}
	if err := wholefile.Write(filepath.Join(s.Dir, PageFile), []byte(s.Page()), 0o600); err != nil {
		return fmt.Errorf("the results: %w", err)
	}
	return nil
}
