package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/show"
)

// MostStretches is how many stretches a whole history is drawn in at most.
const MostStretches = 2000

// Recorded returns the records in a run's folder that are kept one by one. What the run's process has not written yet is missing.
func Recorded(dir string) ([]Metric, error) {
	past, err := openPast(dir)
	if err != nil {
		return nil, err
	}
	defer past.close()
	return past.Metrics(past.first, past.N)
}

// Stretches returns all that a run's folder has recorded, in at most so many stretches of about as many calls each. What the run's
// process has not written yet is missing.
func Stretches(dir string, most int) ([]show.Stretch, error) {
	past, err := openPast(dir)
	if err != nil {
		return nil, err
	}
	defer past.close()
	return past.Stretches(0, past.N, most)
}

// Last returns the last record in a run's folder; the zero Metric where there is none.
func Last(dir string) (Metric, error) {
	past, err := openPast(dir)
	if err != nil {
		return Metric{}, err
	}
	defer past.close()
	return past.Last()
}

// LastNumbers returns of each number what was reported last in a run's folder; where only older calls report it, the mean in the last
// stretch of those.
func LastNumbers(dir string) (map[string]float64, error) {
	past, err := openPast(dir)
	if err != nil {
		return nil, err
	}
	defer past.close()
	last := map[string]float64{}
	see := func(name string, value float64) {
		if _, newer := last[name]; !newer {
			last[name] = value
		}
	}
	for m, err := range past.newest() {
		if err != nil {
			return nil, err
		}
		for _, n := range m.Numbers {
			see(n.Name, n.Value)
		}
		if len(last) == len(past.columns.Numbers) {
			return last, nil
		}
	}
	older, err := past.older()
	if err != nil {
		return nil, err
	}
	for _, s := range slices.Backward(older) {
		for _, n := range s.Numbers {
			see(n.Name, n.Mean)
		}
	}
	return last, nil
}

// Each gives what a run's folder has recorded to do, in order, a part of it in memory at a time: of older calls one for each stretch of up to
// blockCalls, with the means of its numbers at its middle, as if time had passed evenly; then every call. What the run's process has not
// written yet is missing. An error of do ends it.
func Each(dir string, do func(Metric) error) error {
	const most = 10_000 // records at a time
	past, err := openPast(dir)
	if err != nil {
		return err
	}
	defer past.close()
	for first := past.first; first < past.N; first += most {
		all, err := past.Metrics(first, min(first+most, past.N))
		if err != nil {
			return err
		}
		if first == past.first {
			older, err := past.older()
			if err != nil {
				return err
			}
			for _, s := range older {
				m := Metric{Calls: 1, Seconds: all[0].Seconds * s.Middle / float64(max(all[0].Step, 1))}
				m.Step = int(math.Round(s.Middle))
				for _, n := range s.Numbers {
					m.Numbers = append(m.Numbers, train.Number{Name: n.Name, Value: n.Mean})
				}
				if err := do(m); err != nil {
					return err
				}
			}
		}
		for _, m := range all {
			if err := do(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// openPast opens a run's history to read it.
func openPast(dir string) (*History, error) {
	path := filepath.Join(dir, HistoryFile)
	f, err := private.Open(path)
	if err != nil {
		return nil, err
	}
	h, err := historyOf(f, path, &earlier{})
	if err != nil || h.first == 0 {
		return h, err
	}
	if f, err = private.Open(earlierBeside(path)); errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err == nil {
		h.earlier, err = earlierOf(f, f.Name())
	}
	if errors.Is(err, errHeader) { // what is newer can be read
		h.earlier = &earlier{}
		return h, nil
	}
	if err != nil {
		return nil, errors.Join(err, h.file.Close())
	}
	return h, nil
}

// older are the stretches of the calls that are not kept one by one, of up to blockCalls each.
func (h *History) older() ([]show.Stretch, error) {
	if h.first == 0 {
		return nil, nil
	}
	return h.Stretches(0, h.first, (h.first+blockCalls-1)/blockCalls)
}

// close ends the reading of a history.
func (h *History) close() {
	for _, f := range []*os.File{h.file, h.earlier.file} {
		if f != nil {
			f.Close()
		}
	}
}

// Stretches returns what is known of the calls first+1 to end, in at most so many stretches of about as many calls each. A block of
// which first is in the middle is left out.
func (h *History) Stretches(first, end, most int) ([]show.Stretch, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	j := joiner{columns: h.columns, each: max(1, (end-first+most-1)/most)}
	if first < h.first {
		for b, err := range h.earlier.blocks() {
			if err != nil {
				return nil, fmt.Errorf("history: %w", err)
			}
			if b.first >= min(h.first, end) {
				break
			}
			if b.first >= first {
				j.add(b.block)
			}
		}
	}
	for at := max(first, h.first); at < end; at += blockCalls * mostBlocks {
		records, err := h.readLocked(at, min(at+blockCalls*mostBlocks, end))
		if err != nil {
			return nil, err
		}
		size := h.columns.Size()
		for place := at; len(records) > 0; {
			part := min(len(records), size*min(j.left(), blockCalls))
			j.add(h.columns.blockOf(records[:part], place))
			place, records = place+part/size, records[part:]
		}
	}
	j.flush()
	return j.all, nil
}

// mostBlocks is how many blocks' records are read at a time.
const mostBlocks = 32

// joiner makes stretches of blocks that follow on each other.
type joiner struct {
	columns Columns
	each    int // calls in a stretch

	all   []show.Stretch
	calls int // in the one that is begun
	last  block
}

// left is how many calls there is room for in the stretch that is begun.
func (j *joiner) left() int { return max(1, j.each-j.calls) }

func (j *joiner) add(b block) {
	if j.calls > 0 && j.calls+len(b.moved) > j.each {
		j.flush()
	}
	for len(j.last.numbers) < len(j.columns.Numbers) {
		j.last.numbers = append(j.last.numbers, summary{})
	}
	for i, s := range b.numbers {
		j.last.numbers[i].add(s)
	}
	j.calls += len(b.moved)
	if b.steps > 0 {
		j.last.step = b.step
	}
	j.last.steps += b.steps
	if j.calls >= j.each {
		j.flush()
	}
}

func (j *joiner) flush() {
	if j.last.steps > 0 { // its steps are consecutive
		s := show.Stretch{Steps: j.last.steps, Middle: float64(j.last.step) - float64(j.last.steps-1)/2}
		for i, n := range j.last.numbers {
			if n.n > 0 {
				s.Numbers = append(s.Numbers, show.Summary{Name: j.columns.Numbers[i], Reports: int(n.n), Mean: n.sum / n.n,
					Least: n.least, Greatest: n.greatest})
			}
		}
		j.all = append(j.all, s)
	}
	j.calls, j.last = 0, block{}
}

// PackStretches writes stretches for Columns.Stretches.
func (c Columns) PackStretches(all []show.Stretch) (packed []byte) {
	put := func(v float64) { packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(v)) }
	for _, s := range all {
		put(float64(s.Steps))
		put(s.Middle)
		for _, name := range c.Numbers {
			n, _ := s.Summary(name)
			put(float64(n.Reports))
			put(n.Mean)
			put(n.Least)
			put(n.Greatest)
		}
	}
	return packed
}

// Stretches reads what PackStretches has written.
func (c Columns) Stretches(packed []byte) (all []show.Stretch) {
	next := func() float64 {
		v := math.Float64frombits(binary.LittleEndian.Uint64(packed))
		packed = packed[8:]
		return v
	}
	for size := 8 * (2 + numberFields*len(c.Numbers)); len(packed) >= size; {
		s := show.Stretch{Steps: int(next()), Middle: next()}
		for _, name := range c.Numbers {
			n := show.Summary{Name: name, Reports: int(next()), Mean: next(), Least: next(), Greatest: next()}
			if n.Reports > 0 {
				s.Numbers = append(s.Numbers, n)
			}
		}
		all = append(all, s)
	}
	return all
}
