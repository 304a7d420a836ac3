package record

import (
	"io"
	"path/filepath"
	"slices"

	"gantry.local/kernel-ext/internal/private"
)

// Thinned returns at most so many of the records in a run's folder, evenly over the whole history, the last one included. What the
// run's process has not written yet is missing.
func Thinned(dir string, most int) ([]Metric, error) {
	f, err := private.Open(filepath.Join(dir, HistoryFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	n := int(info.Size() / RecordSize)
	var all []Metric
	one := make([]byte, RecordSize)
	for i := range min(n, most) {
		place := n - 1 - i*n/min(n, most) // from the end, so that the last is there
		if _, err := f.ReadAt(one, int64(place)*RecordSize); err == io.EOF {
			continue // the run went back meanwhile
		} else if err != nil {
			return nil, err
		}
		all = append(all, ParseMetrics(one, place)...)
	}
	slices.Reverse(all)
	return all, nil
}
