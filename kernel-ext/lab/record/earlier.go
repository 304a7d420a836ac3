package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"slices"
	"syscall"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/wholefile"
)

// A run of many steps does not keep all of their records. Those of the newest calls are in the history, one by one; of older ones
// the file of earlier calls has blocks, each of so many consecutive calls: who moved, and of each number how many ordinary steps
// reported it, their mean, and the least and the greatest, so that a spike of a single step stays to be seen. At most blockCalls calls
// are a block. It ends early at each checkpoint that is kept, to which a run may go back, and where records were lost.
const (
	blockCalls = 256
	window     = 1 << 17 // calls that are kept one by one at least; twice as many, and what comes between two saves, at most
)

// A block is float64, little-endian: calls before it, its calls, step, epoch and seconds after it, its ordinary steps, and for each
// column how many of these report the number, mean, least and greatest. Then a byte for each of blockCalls calls: who moved, as in
// a record, lostMark where that was lost. Then the CRC-32C of all that, in 8 bytes.
const (
	blockFields  = 6
	numberFields = 4
	lostMark     = 0xff
	checkBytes   = 8
)

// block is what is kept of consecutive earlier calls.
type block struct {
	first   int // calls before it
	step    int // after its last call
	epoch   int
	seconds float64
	steps   int // ordinary ones
	numbers []summary
	moved   []byte // a call each
}

// summary is of a number in the steps that report it.
type summary struct{ n, sum, least, greatest float64 }

func (s *summary) add(v summary) {
	if v.n == 0 {
		return
	}
	if s.n == 0 {
		*s = v
		return
	}
	s.n, s.sum, s.least, s.greatest = s.n+v.n, s.sum+v.sum, min(s.least, v.least), max(s.greatest, v.greatest)
}

func (b block) end() int { return b.first + len(b.moved) }

// lost tells whether the records of its calls were lost.
func (b block) lost() bool { return len(b.moved) > 0 && b.moved[0] == lostMark }

// made are its calls, without what each reported.
func (b block) made(c Columns, first, end int) (all []Metric) {
	step := b.step
	for i, moved := range slices.Backward(b.moved) {
		m := Metric{Calls: b.first + i + 1, Seconds: b.seconds, Progress: train.Progress{Step: step, Epoch: b.epoch}}
		switch {
		case moved == lostMark || int(moved) > len(c.Networks):
			m.Lost = true
		case moved > 0:
			m.Alone = c.Networks[moved-1]
		default:
			step--
		}
		if m.Calls > first && m.Calls <= end {
			all = append(all, m)
		}
	}
	slices.Reverse(all)
	return all
}

// blockSize is the length of a block in bytes.
func (c Columns) blockSize() int {
	return 8*(blockFields+numberFields*len(c.Numbers)) + blockCalls + checkBytes
}

// appendBlock writes a block.
func (c Columns) appendBlock(to []byte, b block) []byte {
	begin := len(to)
	put := func(v float64) { to = binary.LittleEndian.AppendUint64(to, math.Float64bits(v)) }
	for _, v := range []float64{float64(b.first), float64(len(b.moved)), float64(b.step), float64(b.epoch), b.seconds, float64(b.steps)} {
		put(v)
	}
	for _, s := range b.numbers {
		put(s.n)
		put(s.sum / s.n)
		put(s.least)
		put(s.greatest)
	}
	to = append(append(to, b.moved...), make([]byte, blockCalls-len(b.moved))...)
	return binary.LittleEndian.AppendUint64(to, uint64(sumOf(to[begin:])))
}

func sumOf(content []byte) uint32 { return crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)) }

// blockIn is the block in so many bytes; false where they are damaged.
func (c Columns) blockIn(content []byte) (b block, whole bool) {
	body := content[:len(content)-checkBytes]
	if binary.LittleEndian.Uint64(content[len(body):]) != uint64(sumOf(body)) {
		return b, false
	}
	next := func() float64 {
		v := math.Float64frombits(binary.LittleEndian.Uint64(body))
		body = body[8:]
		return v
	}
	first, calls := next(), next()
	if !(first >= 0 && first < mostCalls && calls >= 1 && calls <= blockCalls) {
		return b, false
	}
	b = block{first: int(first), step: int(next()), epoch: int(next()), seconds: next(), steps: int(next()), numbers: make([]summary, len(c.Numbers))}
	for i := range b.numbers {
		n, mean := next(), next()
		b.numbers[i] = summary{n, mean * n, next(), next()}
		if n == 0 {
			b.numbers[i] = summary{}
		}
	}
	b.moved = body[:int(calls)]
	return b, true
}

// blockOf condenses records, the first of which is that of call first+1.
func (c Columns) blockOf(records []byte, first int) block {
	size := c.Size()
	b := block{first: first, numbers: make([]summary, len(c.Numbers))}
	for ; len(records) >= size; records = records[size:] {
		field := func(f int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(records[8*f:])) }
		moved := byte(lostMark)
		if m := field(0); m >= 0 && m <= float64(len(c.Networks)) {
			moved = byte(m)
		}
		b.moved = append(b.moved, moved)
		b.step, b.epoch, b.seconds = int(field(1)), int(field(2)), field(fieldsBefore+len(c.Numbers))
		if moved != 0 {
			continue
		}
		b.steps++
		for i := range b.numbers {
			if v := field(fieldsBefore + i); !math.IsNaN(v) {
				b.numbers[i].add(summary{1, v, v, v})
			}
		}
	}
	return b
}

// earlier is the file of earlier calls. Without a file there are none.
type earlier struct {
	path    string
	file    *os.File // nil: none
	columns Columns
	header  int
	end     int // calls up to its last whole block; of who only looks, 0
}

// earlierBeside is the path of the file of earlier calls beside that of a history.
func earlierBeside(history string) string { return history + earlierSuffix }

// openEarlier opens the file of earlier calls for writing, where there is one. One whose columns cannot be read is moved aside.
func openEarlier(path string) (*earlier, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return &earlier{path: path}, nil
	}
	if err != nil {
		return nil, err
	}
	e, err := earlierOf(f, path)
	if errors.Is(err, errHeader) {
		if err := moveAside(path); err != nil {
			return nil, err
		}
		return &earlier{path: path}, nil
	}
	if err != nil {
		return nil, err
	}
	for b, err := range e.blocks() {
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		e.end = b.end()
	}
	return e, nil
}

// earlierOf reads an open file, which is closed where it is none.
func earlierOf(f *os.File, path string) (*earlier, error) {
	e := &earlier{path: path, file: f}
	info, err := f.Stat()
	if err == nil {
		e.columns, _, e.header, err = columnsIn(f, info.Size())
	}
	if err == nil && e.header == 0 {
		err = errHeader
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return e, nil
}

// placed is a block and the bytes of the file up to its end.
type placed struct {
	block
	upTo int64
}

// blocks are those that are whole, the oldest first. One that is damaged, or that does not follow on those before it, is passed over.
func (e *earlier) blocks() iter.Seq2[placed, error] {
	return func(yield func(placed, error) bool) {
		if e == nil || e.file == nil {
			return
		}
		const most = 1000
		size, end := e.columns.blockSize(), 0
		content := make([]byte, most*size)
		for at := int64(e.header); ; {
			n, err := e.file.ReadAt(content, at)
			if err != nil && !errors.Is(err, io.EOF) {
				yield(placed{}, err)
				return
			}
			for part := content[:n/size*size]; len(part) > 0; part = part[size:] {
				at += int64(size)
				b, whole := e.columns.blockIn(part[:size])
				if !whole || b.first < end {
					continue
				}
				end = b.end()
				if !yield(placed{b, at}, nil) {
					return
				}
			}
			if n < len(content) {
				return
			}
		}
	}
}

// cut keeps the blocks of the first n calls; end is then that of the last.
func (e *earlier) cut(n int) error {
	if e.file == nil {
		return nil
	}
	upTo, end := int64(e.header), 0
	for b, err := range e.blocks() {
		if err != nil {
			return err
		}
		if b.end() > n {
			break
		}
		upTo, end = b.upTo, b.end()
	}
	if err := e.file.Truncate(upTo); err != nil {
		return err
	}
	e.end = end
	return nil
}

// add appends blocks of these columns and makes them survive a power cut.
func (e *earlier) add(c Columns, blocks []block) error {
	if err := e.prepare(c); err != nil {
		return err
	}
	at, err := e.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	size := int64(e.columns.blockSize())
	at -= (at - int64(e.header)) % size // of one that was half written
	var content []byte
	for _, b := range blocks {
		content = e.columns.appendBlock(content, b)
	}
	if _, err = e.file.WriteAt(content, at); err == nil {
		err = e.file.Sync()
	}
	if err != nil {
		return errors.Join(err, e.file.Truncate(at))
	}
	e.end = blocks[len(blocks)-1].end()
	return nil
}

// prepare makes the file, or writes it anew where it has other columns.
func (e *earlier) prepare(c Columns) error {
	same := slices.Equal(e.columns.Numbers, c.Numbers) && slices.Equal(e.columns.Networks, c.Networks)
	if e.file != nil && same {
		return nil
	}
	content, err := c.header(0)
	if err != nil {
		return err
	}
	for b, err := range e.blocks() { // a history's columns only grow, at their end
		if err != nil {
			return err
		}
		for len(b.numbers) < len(c.Numbers) {
			b.numbers = append(b.numbers, summary{})
		}
		content = c.appendBlock(content, b.block)
	}
	if err := wholefile.Write(e.path, content, 0o600); err != nil {
		return err
	}
	now, err := openEarlier(e.path)
	if err != nil {
		return err
	}
	if e.file != nil {
		e.file.Close()
	}
	*e = *now
	return nil
}

// Condense makes blocks of the oldest records when there are twice as many as are kept one by one. Calls at which a block must end
// are those to which the run may go back: its checkpoints. What Add has been given must have been written by Sync.
func (h *History) Condense(checkpoints []int) error { return h.condense(checkpoints, window) }

func (h *History) condense(checkpoints []int, window int) error {
	if h.N-h.first < 2*window || len(h.columns.Networks) >= lostMark {
		return nil
	}
	if err := h.flush(); err != nil {
		return err
	}
	if err := h.forgetUnfinished(); err != nil {
		return err
	}
	ends := slices.Clone(checkpoints)
	slices.Sort(ends)
	at, last := h.first, h.N-window
	for at+blockCalls <= last {
		var blocks []block
		for len(blocks) < mostAtOnce/blockCalls && at+blockCalls <= last {
			end := at + blockCalls
			if i, _ := slices.BinarySearch(ends, at+1); i < len(ends) {
				end = min(end, ends[i])
			}
			records, err := h.read(at, end)
			if err != nil {
				return err
			}
			records = records[:h.columns.alike(records)]
			if len(records) == 0 {
				return fmt.Errorf("history: the records after call %d are gone", at)
			}
			blocks = append(blocks, h.columns.blockOf(records, at))
			at = blocks[len(blocks)-1].end()
		}
		if err := h.addEarlier(blocks); err != nil {
			return err
		}
	}
	return h.rewrite(h.columns, at, h.N)
}

// forgetUnfinished cuts off blocks of calls that are still in the history: of a time when the disk was full.
func (h *History) forgetUnfinished() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.earlier.end <= h.first {
		return nil
	}
	if err := h.earlier.cut(h.first); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

func (h *History) addEarlier(blocks []block) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.earlier.add(h.columns, blocks); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// alike is the length of the first of the records that were all lost, or all were not.
func (c Columns) alike(records []byte) (length int) {
	size := c.Size()
	lost := func(at int) bool {
		m := math.Float64frombits(binary.LittleEndian.Uint64(records[at:]))
		return !(m >= 0 && m <= float64(len(c.Networks)))
	}
	for length < len(records) && lost(length) == lost(0) {
		length += size
	}
	return length
}

// cutEarlier is Cut before the first record.
func (h *History) cutEarlier(n int, again []Metric) error {
	var last Metric
	end := 0
	for b, err := range h.earlier.blocks() {
		if err != nil {
			return err
		}
		if b.end() > n {
			break
		}
		end = b.end()
		last = b.made(h.columns, end-1, end)[0]
	}
	if end < n-blockCalls { // nothing is known of the calls before
		end = n
	}
	var records []byte
	for calls := end + 1; calls <= n; calls++ {
		if at := len(again) - 1 - (n - calls); at >= 0 && again[at].Calls == calls {
			last = again[at]
			records = h.columns.append(records, last)
		} else {
			records = h.columns.append(records, lostAfter(last))
		}
	}
	err := h.replace(h.columns, end, func(to io.Writer) error {
		_, err := to.Write(records)
		return err
	})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.earlier.cut(end)
}

// Made is a call as it can be made again: with what it reported or, where that is not kept, with the bounds of what it did.
type Made struct {
	Metric
	within *within // nil: Numbers are what it reported
}

type within struct {
	columns Columns
	numbers []summary
}

// Agrees tells whether a step that was made again reported what is recorded of it: bit for bit, or, where records are no longer kept
// one by one, within the least and the greatest of its stretch.
func (m Made) Agrees(again train.Progress) bool {
	return !slices.ContainsFunc(again.Numbers, func(n train.Number) bool {
		if m.within == nil {
			return m.Reports(n.Name) && m.Value(n.Name) != n.Value
		}
		at := slices.Index(m.within.columns.Numbers, n.Name)
		if at < 0 || m.Alone != "" || m.within.numbers[at].n == 0 {
			return false
		}
		s := m.within.numbers[at]
		return n.Value < s.least || n.Value > s.greatest
	})
}

// Made are the calls first+1 to end, in order. Those of which nothing is left are Lost.
func (h *History) Made(first, end int) iter.Seq2[Made, error] {
	return func(yield func(Made, error) bool) {
		at := first
		lost := func(upTo int) bool {
			for at < upTo {
				at++
				if !yield(Made{Metric: Metric{Calls: at, Lost: true}}, nil) {
					return false
				}
			}
			return true
		}
		kept := min(h.First(), end)
		if at < kept {
			for b, err := range h.earlier.blocks() {
				if err != nil {
					yield(Made{}, err)
					return
				}
				if b.end() <= at {
					continue
				}
				if b.first >= kept {
					break
				}
				if !lost(b.first) {
					return
				}
				for _, m := range b.made(h.earlier.columns, at, kept) {
					if at = m.Calls; !yield(Made{m, &within{h.earlier.columns, b.numbers}}, nil) {
						return
					}
				}
			}
			if !lost(kept) {
				return
			}
		}
		for at < end {
			part, err := h.Metrics(at, min(at+mostAtOnce, end))
			if err == nil && len(part) == 0 {
				err = fmt.Errorf("history: the records after call %d are gone", at)
			}
			if err != nil {
				yield(Made{}, err)
				return
			}
			for _, m := range part {
				if at = m.Calls; !yield(Made{Metric: m}, nil) {
					return
				}
			}
		}
	}
}

// CallsOf is after how many calls the run was last at a step; false where it never was, or nothing is left of that.
func (h *History) CallsOf(step int) (calls int, found bool, err error) {
	for m, err := range h.newest() {
		if err != nil {
			return 0, false, err
		}
		if m.Ordinary() && m.Step == step {
			return m.Calls, true, nil
		}
	}
	for b, err := range h.earlier.blocks() {
		if err != nil {
			return 0, false, err
		}
		if b.lost() || b.step < step || b.step-b.steps >= step {
			continue
		}
		for _, m := range b.made(h.earlier.columns, b.first, b.end()) {
			if m.Ordinary() && m.Step == step {
				calls, found = m.Calls, true
			}
		}
	}
	return calls, found, nil
}
