package record

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"gantry.local/gan/method"
	"gantry.local/gan/train"
)

// Metric is what is recorded of one step.
type Metric struct {
	train.Progress         // a step of one network alone does not move its Step
	Alone          string  // the network that moved alone; "": an ordinary step
	Lost           bool    // a step of any kind, made, but its record was lost
	Calls          int     // steps of any kind so far, this one included: 1, 2, 3, … without a gap
	Seconds        float64 // of training since the run began, pauses left out
}

// Ordinary tells whether it is of a whole step, as curves over steps show them.
func (m Metric) Ordinary() bool { return m.Alone == "" && !m.Lost }

// At is the number of a name, NaN where the step does not report it.
func (m Metric) At(name string) float64 {
	if !m.Reports(name) {
		return math.NaN()
	}
	return m.Value(name)
}

// Columns are what the records of a history hold beside their place in the run: numbers by name, and the networks that may
// have moved alone.
type Columns struct {
	Numbers  []string
	Networks []string
}

// A record is so many numbers, float64, little-endian: who moved (0: all; n: the n-th network alone; more than there are: its
// record was lost), step, epoch, whether that ended (1), a number for each column (NaN: not reported), and seconds.
const (
	fieldsBefore = 4 // the columns
	fieldsBehind = 1
)

// columnsBefore are those of a file without a header, as versions before the one that names them wrote it.
func columnsBefore() Columns {
	return Columns{
		Numbers: []string{method.CriticLoss, method.GeneratorLoss, method.PenaltyTerm, method.RealLogit, method.FakeLogit,
			method.RealAccuracy, method.FakeAccuracy, method.CriticGradient, method.GeneratorGradient},
		Networks: []string{method.CriticName, method.GeneratorName},
	}
}

// Size is the length of a record in bytes.
func (c Columns) Size() int { return 8 * (fieldsBefore + len(c.Numbers) + fieldsBehind) }

// with are the columns and those of others that are not there.
func (c Columns) with(more Columns) Columns {
	add := func(to, from []string) []string {
		to = slices.Clone(to)
		for _, name := range from {
			if !slices.Contains(to, name) {
				to = append(to, name)
			}
		}
		return to
	}
	return Columns{add(c.Numbers, more.Numbers), add(c.Networks, more.Networks)}
}

// has tells whether nothing of others is missing.
func (c Columns) has(others Columns) bool {
	all := c.with(others)
	return len(all.Numbers) == len(c.Numbers) && len(all.Networks) == len(c.Networks)
}

// append writes a record.
func (c Columns) append(to []byte, m Metric) []byte {
	put := func(v float64) { to = binary.LittleEndian.AppendUint64(to, math.Float64bits(v)) }
	switch {
	case m.Lost:
		put(float64(len(c.Networks) + 1))
	case m.Alone != "":
		put(float64(slices.Index(c.Networks, m.Alone) + 1))
	default:
		put(0)
	}
	put(float64(m.Step))
	put(float64(m.Epoch))
	end := 0.0
	if m.EpochEnd {
		end = 1
	}
	put(end)
	for _, name := range c.Numbers {
		put(m.At(name))
	}
	put(m.Seconds)
	return to
}

// Metrics reads records, the first of which is that of call first+1.
func (c Columns) Metrics(records []byte, first int) []Metric {
	size := c.Size()
	all := make([]Metric, len(records)/size)
	field := func(i, f int) float64 {
		return math.Float64frombits(binary.LittleEndian.Uint64(records[i*size+8*f:]))
	}
	for i := range all {
		m := &all[i]
		m.Calls, m.Step, m.Epoch, m.EpochEnd = first+i+1, int(field(i, 1)), int(field(i, 2)), field(i, 3) == 1
		switch moved := field(i, 0); {
		case moved >= 1 && moved <= float64(len(c.Networks)):
			m.Alone = c.Networks[int(moved)-1]
		case moved != 0:
			m.Lost = true
		}
		for n, name := range c.Numbers {
			if v := field(i, fieldsBefore+n); !math.IsNaN(v) {
				m.Numbers = append(m.Numbers, train.Number{Name: name, Value: v})
			}
		}
		m.Seconds = field(i, fieldsBefore+len(c.Numbers))
		if i > 0 { // what the records tell together
			if seconds := m.Seconds - all[max(0, i-20)].Seconds; seconds > 0 {
				m.StepsPerSecond = float64(min(i, 20)) / seconds
			}
		}
	}
	return all
}

// A history's file begins with a line: this, and its columns as JSON.
const (
	headerMark    = "gantry history "
	longestHeader = 1 << 20
	mostCalls     = 1 << 50
)

// header is what that line says.
type header struct {
	Columns
	First int `json:",omitempty"` // calls before the first record
}

var errHeader = errors.New("its first line, which names what is recorded, is damaged")

// header is the first line of a file of these columns, whose first record or block is of call first+1.
func (c Columns) header(first int) ([]byte, error) {
	text, err := json.Marshal(header{c, first})
	if err == nil && len(text) > longestHeader-len(headerMark)-1 {
		err = fmt.Errorf("a history of %d numbers has names that are too long", len(c.Numbers))
	}
	return append(append([]byte(headerMark), text...), '\n'), err
}

// columnsIn are those of a file, the calls before its first record, and the length of its header.
func columnsIn(file io.ReaderAt, size int64) (c Columns, first, length int, err error) {
	start := make([]byte, min(size, longestHeader))
	if _, err := file.ReadAt(start[:min(len(start), len(headerMark))], 0); err != nil && !errors.Is(err, io.EOF) {
		return c, 0, 0, err
	}
	if !bytes.HasPrefix(start, []byte(headerMark)) {
		return columnsBefore(), 0, 0, nil
	}
	n, err := file.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return c, 0, 0, err
	}
	line, _, ended := bytes.Cut(start[:n], []byte{'\n'})
	var h header
	if !ended || json.Unmarshal(line[len(headerMark):], &h) != nil || h.First < 0 || h.First > mostCalls {
		return c, 0, 0, errHeader
	}
	return h.Columns, h.First, len(line) + 1, nil
}
