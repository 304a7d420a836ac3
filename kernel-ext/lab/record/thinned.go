package record

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"gantry.local/kernel-ext/internal/private"
)

// Recorded returns all records in a run's folder. What the run's process has not written yet is missing.
func Recorded(dir string) ([]Metric, error) {
	past, err := openPast(dir)
	if err != nil {
		return nil, err
	}
	defer past.file.Close()
	return past.Metrics(0, past.N)
}

// Each gives all records in a run's folder to do, in order, a part of them in memory at a time. What the run's process has not written yet is
// missing. An error of do ends it.
func Each(dir string, do func(Metric) error) error {
	const most = 10_000 // records at a time
	past, err := openPast(dir)
	if err != nil {
		return err
	}
	defer past.file.Close()
	for first := 0; first < past.N; first += most {
		all, err := past.Metrics(first, min(first+most, past.N))
		if err != nil {
			return err
		}
		for _, m := range all {
			if err := do(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// Thinned returns at most so many of the records in a run's folder, evenly over the whole history, the last one included. What the
// run's process has not written yet is missing.
func Thinned(dir string, most int) ([]Metric, error) {
	past, err := openPast(dir)
	if err != nil {
		return nil, err
	}
	defer past.file.Close()
	var all []Metric
	for i := range min(past.N, most) {
		place := past.N - 1 - i*past.N/min(past.N, most) // from the end, so that the last is there
		one, err := past.Metrics(place, place+1)         // none where the run went back meanwhile
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
	}
	slices.Reverse(all)
	return all, nil
}

// openPast opens a run's history to read it.
func openPast(dir string) (*History, error) {
	f, err := private.Open(filepath.Join(dir, HistoryFile))
	if err != nil {
		return nil, err
	}
	h := &History{file: f}
	var info os.FileInfo
	if info, err = f.Stat(); err == nil {
		h.columns, h.header, err = columnsIn(f, info.Size())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	h.N = int((info.Size() - int64(h.header)) / int64(h.columns.Size()))
	return h, nil
}
