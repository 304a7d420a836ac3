package record

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/wholefile"
)

// History is the file of a run's newest records, all of one size, and beside it, of a long run, the file of earlier calls
// (earlier.go). A record's place follows from its call, and a run that goes back to a checkpoint cuts off what came after
// it: there is never a gap or a duplicate.
//
// It is safe for use by several goroutines, but for Add, Sync, Condense and Cut, which are one goroutine's. What cannot be written,
// because the disk is full, say, is kept in memory and written later.
type History struct {
	path string
	N    int // calls, of which

	mu        sync.Mutex // guards what is below
	file      *os.File
	columns   Columns
	header    int       // bytes of the file before the first record, which is
	first     int       // that of call first+1
	unwritten []byte    // the last records, not in the file yet
	flushed   time.Time // when all were
	earlier   *earlier  // calls up to first
}

// flushEach is how often the file is written to: where steps take less than a millisecond, writing each would be felt. What
// a process that is killed had not written yet would be cut off by the next anyway, at its last checkpoint.
const flushEach = 200 * time.Millisecond

// OpenHistory opens or makes the files of a run whose steps report these columns. A file that lacks some, or has no
// header, is written anew. What a process that was killed in the middle of a record has left of it is cut off. A file whose columns
// cannot be read is moved aside, and one without records takes its place.
func OpenHistory(path string, columns Columns) (*History, error) {
	past, err := openEarlier(earlierBeside(path))
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	h, err := openHistory(path, columns, past)
	if errors.Is(err, errHeader) {
		if err := moveAside(path); err != nil {
			return nil, err
		}
		h, err = openHistory(path, columns, past)
	}
	if err != nil {
		return nil, err
	}
	if err := past.cut(h.first); err != nil { // a process was killed while it condensed or cut
		return nil, err
	}
	if h.header > 0 && h.columns.has(columns) {
		return h, h.Cut(h.N)
	}
	return h, h.rewrite(h.columns.with(columns), h.first, h.N)
}

// moveAside keeps a damaged file under another name.
func moveAside(path string) error {
	return os.Rename(path, path+".damaged-"+time.Now().Format("20060102-150405"))
}

func openHistory(path string, columns Columns, past *earlier) (*History, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		header, err := columns.header(past.end)
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
	return historyOf(f, path, past)
}

// historyOf is that of an open file, which is closed where it is none.
func historyOf(f *os.File, path string, past *earlier) (*History, error) {
	h := &History{path: path, file: f, earlier: past}
	info, err := f.Stat()
	if err == nil {
		h.columns, h.first, h.header, err = columnsIn(f, info.Size())
	}
	if err != nil {
		return nil, fmt.Errorf("history: %w", errors.Join(err, f.Close()))
	}
	h.N = h.first + int((info.Size()-int64(h.header))/int64(h.columns.Size()))
	return h, nil
}

// rewrite writes the file anew with the records of calls first+1 to end, and with other columns.
func (h *History) rewrite(columns Columns, first, end int) error {
	return h.replace(columns, first, func(to io.Writer) error {
		for at := first; at < end; at += mostAtOnce {
			records, err := h.read(at, min(at+mostAtOnce, end))
			if err != nil {
				return err
			}
			if h.header == 0 || !h.columns.has(columns) {
				all := h.metrics(records, at)
				records = records[:0]
				for _, m := range all {
					records = columns.append(records, m)
				}
			}
			if _, err := to.Write(records); err != nil {
				return err
			}
		}
		return nil
	})
}

// mostAtOnce is how many records are read at a time.
const mostAtOnce = 8192

// replace puts a file in the place of this one, whole or not at all, whose first record is that of call first+1.
func (h *History) replace(columns Columns, first int, write func(io.Writer) error) error {
	header, err := columns.header(first)
	if err != nil {
		return err
	}
	to, err := os.CreateTemp(filepath.Dir(h.path), ".history-*.tmp")
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	defer os.Remove(to.Name()) // where it was not renamed
	if _, err = to.Write(header); err == nil {
		err = write(to)
	}
	if err == nil {
		err = to.Sync()
	}
	var now *History
	if err == nil {
		if now, err = historyOf(to, h.path, h.earlier); err == nil {
			err = os.Rename(to.Name(), h.path)
		}
	}
	if err != nil {
		to.Close()
		return fmt.Errorf("history: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.file.Close()
	h.file, h.columns, h.header, h.first, h.unwritten, h.N = to, now.columns, now.header, first, nil, now.N
	return nil
}

// Columns are what its records hold.
func (h *History) Columns() Columns {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.columns
}

// First is the number of calls whose records are not kept one by one any more: those before the first record.
func (h *History) First() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.first
}

// Missing is the number of calls of which nothing is left, neither a record nor a stretch, because a file was damaged or removed.
func (h *History) Missing() (int, error) {
	missing, last, first := 0, 0, h.First()
	for b, err := range h.earlier.blocks() {
		if err != nil {
			return 0, err
		}
		if b.end() > first {
			break
		}
		missing, last = missing+b.first-last, b.end()
	}
	return missing + first - last, nil
}

// place is where record number n begins.
func (h *History) place(n int) int64 {
	return int64(h.header) + int64(n-h.first)*int64(h.columns.Size())
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

// Cut keeps the first n calls. Where there are fewer, those between were lost: they are filled in as such, so that each
// record's place goes on to follow from its call. Where n lies before the first record, again are the newest calls up to n, made
// anew; those of the stretch that n divides and that again does not have are filled in as lost.
func (h *History) Cut(n int, again ...Metric) error {
	if n < h.first {
		return h.cutEarlier(n, again)
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
	before, err := h.Last()
	if err != nil {
		return err
	}
	for h.N < n {
		h.keep(lostAfter(before))
	}
	return h.flush()
}

// lostAfter is the record of a call that was lost.
func lostAfter(before Metric) Metric {
	return Metric{Lost: true, Seconds: before.Seconds, Progress: train.Progress{Step: before.Step}}
}

// Read returns the records of calls from+1 to end, for Columns.Metrics: from is first, or that of the first record.
func (h *History) Read(first, end int) (records []byte, from int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	from = max(first, h.first)
	records, err = h.readLocked(from, end)
	return records, from, err
}

// read is Read of what is kept one by one.
func (h *History) read(first, end int) ([]byte, error) {
	records, from, err := h.Read(first, end)
	if err == nil && from != first {
		return nil, fmt.Errorf("history: call %d is not kept one by one", first+1)
	}
	return records, err
}

func (h *History) readLocked(first, end int) ([]byte, error) {
	if first >= end || first < 0 {
		return nil, nil
	}
	size := h.columns.Size()
	records := make([]byte, (end-first)*size)
	n, err := h.file.ReadAt(records, h.place(first))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("history: %w", err)
	}
	if written := int64((h.N-h.first)*size - len(h.unwritten)); n < len(records) && len(h.unwritten) > 0 {
		n += copy(records[n:], h.unwritten[max(0, int64((first-h.first)*size)-written):])
	}
	return records[:n/size*size], nil
}

// Metrics reads the records of calls first+1 to end that are kept one by one.
func (h *History) Metrics(first, end int) ([]Metric, error) {
	records, from, err := h.Read(first, end)
	return h.metrics(records, from), err
}

// metrics are those of records, the first of which is that of call first+1.
func (h *History) metrics(records []byte, first int) []Metric {
	all := h.columns.Metrics(records, first)
	for i := range all {
		if h.header == 0 && all[i].Alone != "" { // in those files 0 also means that a number is not of the network that moved
			all[i].Numbers = slices.DeleteFunc(all[i].Numbers, func(n train.Number) bool { return n.Value == 0 })
		}
	}
	return all
}

// newest yields the records that are kept one by one, the newest first.
func (h *History) newest() iter.Seq2[Metric, error] {
	return func(yield func(Metric, error) bool) {
		for end := h.N; end > h.first; {
			first := max(end-mostAtOnce, h.first)
			part, err := h.Metrics(first, end)
			if err != nil {
				yield(Metric{}, err)
				return
			}
			for _, m := range slices.Backward(part) {
				if !yield(m, nil) {
					return
				}
			}
			end = first
		}
	}
}

// Last is what is known of the newest call, zero where there is none.
func (h *History) Last() (Metric, error) { return h.At(h.N) }

// At is what is known of a call, zero before the first.
func (h *History) At(call int) (at Metric, err error) {
	for m, err := range h.Made(max(call-1, 0), call) {
		if err != nil {
			return Metric{}, err
		}
		at = m.Metric
	}
	return at, nil
}
