package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"syscall"
	"time"

	"gantry.local/gan"
)

// Updates says which networks a step updated.
type Updates uint8

// The kinds of steps.
const (
	BothNetworks Updates = iota // an ordinary step
	CriticAlone                 // of StepCritic
	GeneratorAlone
	Lost // a step of any kind, made, but its record was lost
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
	RecordSize   = 8 * recordFields
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

// ParseMetrics reads records, the first of which is that of call first+1.
func ParseMetrics(records []byte, first int) []Metric {
	all := make([]Metric, len(records)/RecordSize)
	for i := range all {
		var v [recordFields]float64
		for f := range v {
			v[f] = math.Float64frombits(binary.LittleEndian.Uint64(records[i*RecordSize+8*f:]))
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

// History is the file of a run's records. It is safe for use by several goroutines, but for add, flush and cut, which are
// one goroutine's. What cannot be written, because the disk is full, say, is kept in memory and written later.
type History struct {
	file *os.File
	N    int // records, of which

	mu        sync.Mutex
	unwritten []byte    // the last, not in the file yet
	flushed   time.Time // when all were
}

// flushEach is how often the file is written to: where steps take less than a millisecond, writing each would be felt. What
// a process that is killed had not written yet would be cut off by the next anyway, at its last checkpoint.
const flushEach = 200 * time.Millisecond

// OpenHistory opens or makes the file. What a process that was killed in the middle of a record has left of it is cut off.
func OpenHistory(path string) (*History, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	h := &History{file: f, N: int(info.Size() / RecordSize)}
	return h, h.Cut(h.N)
}

// Add appends the record of call n+1, and writes if it is time. It has the record also when the error says that it could not
// be written.
func (h *History) Add(m Metric) error {
	if m.Calls != h.N+1 {
		return fmt.Errorf("history: call %d does not follow on %d", m.Calls, h.N)
	}
	h.keep(m)
	if time.Since(h.flushed) < flushEach {
		return nil
	}
	return h.flush()
}

func (h *History) keep(m Metric) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unwritten = m.append(h.unwritten)
	h.N++
}

// flush writes what could not be written before.
func (h *History) flush() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.unwritten) == 0 {
		return nil
	}
	if _, err := h.file.WriteAt(h.unwritten, int64(h.N*RecordSize-len(h.unwritten))); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	h.unwritten, h.flushed = h.unwritten[:0], time.Now()
	return nil
}

// Sync makes the records survive a power cut.
func (h *History) Sync() error {
	if err := h.flush(); err != nil {
		return err
	}
	if err := h.file.Sync(); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// Cut keeps the first n records. Where there are fewer, those between were lost: they are filled in as such, so that each
// record's place goes on to follow from its call.
func (h *History) Cut(n int) error {
	before, err := h.Last()
	if err != nil {
		return err
	}
	if n <= h.N {
		h.mu.Lock()
		defer h.mu.Unlock()
		written := h.N - len(h.unwritten)/RecordSize
		if err := h.file.Truncate(int64(min(n, written)) * RecordSize); err != nil {
			return fmt.Errorf("history: %w", err)
		}
		h.N, h.unwritten = n, h.unwritten[:max(0, n-written)*RecordSize]
		return nil
	}
	for unknown := math.NaN(); h.N < n; {
		h.keep(Metric{Updates: Lost, Seconds: before.Seconds, Progress: gan.Progress{Step: before.Step,
			CriticLoss: unknown, GeneratorLoss: unknown}})
	}
	return h.flush()
}

// Read returns the records of calls first+1 to end.
func (h *History) Read(first, end int) ([]byte, error) {
	if first >= end || first < 0 {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	records := make([]byte, (end-first)*RecordSize)
	n, err := h.file.ReadAt(records, int64(first)*RecordSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("history: %w", err)
	}
	if written := int64(h.N)*RecordSize - int64(len(h.unwritten)); n < len(records) && len(h.unwritten) > 0 {
		n += copy(records[n:], h.unwritten[max(0, int64(first)*RecordSize-written):])
	}
	return records[:n/RecordSize*RecordSize], nil
}

// Last is the newest record, zero where there is none.
func (h *History) Last() (Metric, error) {
	records, err := h.Read(h.N-1, h.N)
	if err != nil || len(records) == 0 {
		return Metric{}, err
	}
	return ParseMetrics(records, h.N-1)[0], nil
}
