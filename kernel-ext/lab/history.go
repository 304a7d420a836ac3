package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"gantry.local/gan"
)

// Updates says which networks a step updated.
type Updates uint8

// The kinds of steps.
const (
	BothNetworks Updates = iota // an ordinary step
	CriticAlone                 // of StepCritic
	GeneratorAlone
)

// Metric is what is recorded of one step.
type Metric struct {
	gan.Progress
	Updates Updates // a step of one network alone does not move Progress.Step
	Calls   int     // steps of any kind so far, this one included: 1, 2, 3, … without a gap
	Seconds float64 // of training since the run began, pauses left out
}

// The history's file is a list of records of one size. Record number n is that of call n+1, so its place follows from
// the call, and a run that goes back to a checkpoint cuts off what came after it: there is never a gap or a duplicate.
const (
	recordFields = 14
	recordSize   = 8 * recordFields
)

func (m Metric) append(to []byte) []byte {
	end := 0.0
	if m.EpochEnd {
		end = 1
	}
	for _, v := range [recordFields]float64{float64(m.Updates), float64(m.Step), float64(m.Epoch), end,
		m.CriticLoss, m.GeneratorLoss, m.Penalty, m.RealLogit, m.FakeLogit, m.RealAccuracy, m.FakeAccuracy,
		m.CriticGradient, m.GeneratorGradient, m.Seconds} {
		to = binary.LittleEndian.AppendUint64(to, math.Float64bits(v))
	}
	return to
}

// parseMetrics reads records, the first of which is that of call first+1.
func parseMetrics(records []byte, first int) []Metric {
	all := make([]Metric, len(records)/recordSize)
	for i := range all {
		var v [recordFields]float64
		for f := range v {
			v[f] = math.Float64frombits(binary.LittleEndian.Uint64(records[i*recordSize+8*f:]))
		}
		all[i] = Metric{Updates: Updates(v[0]), Calls: first + i + 1, Seconds: v[13], Progress: gan.Progress{
			Step: int(v[1]), Epoch: int(v[2]), EpochEnd: v[3] == 1, CriticLoss: v[4], GeneratorLoss: v[5], Penalty: v[6],
			RealLogit: v[7], FakeLogit: v[8], RealAccuracy: v[9], FakeAccuracy: v[10], CriticGradient: v[11],
			GeneratorGradient: v[12]}}
		if i > 0 { // what the records tell together
			if seconds := all[i].Seconds - all[max(0, i-20)].Seconds; seconds > 0 {
				all[i].StepsPerSecond = float64(min(i, 20)) / seconds
			}
		}
	}
	return all
}

// history is the file of a run's records. It is safe for use by several goroutines, but for add and cut, which are one
// goroutine's.
type history struct {
	file *os.File
	n    int // records
}

// openHistory opens or makes the file. What a process that was killed in the middle of a record has left of it is cut off.
func openHistory(path string) (*history, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	h := &history{file: f, n: int(info.Size() / recordSize)}
	return h, h.cut(h.n)
}

// add appends the record of call n+1.
func (h *history) add(m Metric) error {
	if m.Calls != h.n+1 {
		return fmt.Errorf("history: call %d does not follow on %d", m.Calls, h.n)
	}
	if _, err := h.file.WriteAt(m.append(make([]byte, 0, recordSize)), int64(h.n)*recordSize); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	h.n++
	return nil
}

// cut keeps the first n records.
func (h *history) cut(n int) error {
	if n > h.n {
		return fmt.Errorf("the history has %d records and the checkpoint is of call %d", h.n, n)
	}
	if err := h.file.Truncate(int64(n) * recordSize); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	h.n = n
	return nil
}

// read returns the records of calls first+1 to end.
func (h *history) read(first, end int) ([]byte, error) {
	if first >= end {
		return nil, nil
	}
	records := make([]byte, (end-first)*recordSize)
	if n, err := h.file.ReadAt(records, int64(first)*recordSize); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("history: %w", err)
	} else {
		return records[:n/recordSize*recordSize], nil
	}
}

func (h *history) last() (Metric, error) {
	records, err := h.read(h.n-1, h.n)
	if err != nil || len(records) == 0 {
		return Metric{}, err
	}
	return parseMetrics(records, h.n-1)[0], nil
}
