package record

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/wholefile"
)

// History is the file of a run's records, all of one size. Record number n is that of call n+1, so its place follows from
// the call, and a run that goes back to a checkpoint cuts off what came after it: there is never a gap or a duplicate.
//
// It is safe for use by several goroutines, but for Add, Sync and Cut, which are one goroutine's. What cannot be written,
// because the disk is full, say, is kept in memory and written later.
type History struct {
	file    *os.File
	columns Columns
	header  int // bytes of the file before the first record
	N       int // records, of which

	mu        sync.Mutex
	unwritten []byte    // the last, not in the file yet
	flushed   time.Time // when all were
}

// flushEach is how often the file is written to: where steps take less than a millisecond, writing each would be felt. What
// a process that is killed had not written yet would be cut off by the next anyway, at its last checkpoint.
const flushEach = 200 * time.Millisecond

// OpenHistory opens or makes the file of a run whose steps report these columns. A file that lacks some, or has no
// header, is written anew. What a process that was killed in the middle of a record has left of it is cut off. A file whose columns
// cannot be read is moved aside, and one without records takes its place.
func OpenHistory(path string, columns Columns) (*History, error) {
	h, err := openHistory(path, columns)
	if errors.Is(err, errHeader) {
		if err := os.Rename(path, path+".damaged-"+time.Now().Format("20060102-150405")); err != nil {
			return nil, err
		}
		h, err = openHistory(path, columns)
	}
	if err != nil {
		return nil, err
	}
	if h.header > 0 && h.columns.has(columns) {
		return h, h.Cut(h.N)
	}
	if err := h.widen(path, h.columns.with(columns)); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return openHistory(path, columns)
}

func openHistory(path string, columns Columns) (*History, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		header, err := columns.header()
		if err != nil {
			return nil, err
		}
		if err := wholefile.Write(path, header, 0o600); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	h := &History{file: f}
	if info, err = f.Stat(); err == nil {
		h.columns, h.header, err = columnsIn(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("history: %w", err)
	}
	h.N = int((info.Size() - int64(h.header)) / int64(h.columns.Size()))
	return h, nil
}

// widen writes the file anew, with more columns, and closes it.
func (h *History) widen(path string, columns Columns) error {
	const most = 10_000 // records at a time
	defer h.file.Close()
	header, err := columns.header()
	if err != nil {
		return err
	}
	to, err := os.CreateTemp(filepath.Dir(path), ".history-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(to.Name()) // where it was not renamed
	defer to.Close()
	if _, err := to.Write(header); err != nil {
		return err
	}
	for first := 0; first < h.N; first += most {
		all, err := h.Metrics(first, min(first+most, h.N))
		if err != nil {
			return err
		}
		var wider []byte
		for _, m := range all {
			wider = columns.append(wider, m)
		}
		if _, err := to.Write(wider); err != nil {
			return err
		}
	}
	if err := to.Sync(); err != nil {
		return err
	}
	return os.Rename(to.Name(), path)
}

// Columns are what its records hold.
func (h *History) Columns() Columns { return h.columns }

// place is where record number n begins.
func (h *History) place(n int) int64 { return int64(h.header) + int64(n)*int64(h.columns.Size()) }

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
	h.unwritten = h.columns.append(h.unwritten, m)
	h.N++
}

// flush writes what could not be written before.
func (h *History) flush() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.unwritten) == 0 {
		return nil
	}
	if _, err := h.file.WriteAt(h.unwritten, h.place(h.N)-int64(len(h.unwritten))); err != nil {
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
		written := h.N - len(h.unwritten)/h.columns.Size()
		if err := h.file.Truncate(h.place(min(n, written))); err != nil {
			return fmt.Errorf("history: %w", err)
		}
		h.N, h.unwritten = n, h.unwritten[:max(0, n-written)*h.columns.Size()]
		return nil
	}
	for h.N < n {
		h.keep(Metric{Lost: true, Seconds: before.Seconds, Progress: train.Progress{Step: before.Step}})
	}
	return h.flush()
}

// Read returns the records of calls first+1 to end, for Columns.Metrics.
func (h *History) Read(first, end int) ([]byte, error) {
	if first >= end || first < 0 {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	size := h.columns.Size()
	records := make([]byte, (end-first)*size)
	n, err := h.file.ReadAt(records, h.place(first))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("history: %w", err)
	}
	if written := int64(h.N*size - len(h.unwritten)); n < len(records) && len(h.unwritten) > 0 {
		n += copy(records[n:], h.unwritten[max(0, int64(first*size)-written):])
	}
	return records[:n/size*size], nil
}

// Metrics reads the records of calls first+1 to end.
func (h *History) Metrics(first, end int) ([]Metric, error) {
	records, err := h.Read(first, end)
	all := h.columns.Metrics(records, first)
	for i := range all {
		if h.header == 0 && all[i].Alone != "" { // in those files 0 also means that a number is not of the network that moved
			all[i].Numbers = slices.DeleteFunc(all[i].Numbers, func(n train.Number) bool { return n.Value == 0 })
		}
	}
	return all, err
}

// Last is the newest record, zero where there is none.
func (h *History) Last() (Metric, error) {
	all, err := h.Metrics(max(h.N-1, 0), h.N)
	if err != nil || len(all) == 0 {
		return Metric{}, err
	}
	return all[0], nil
}
