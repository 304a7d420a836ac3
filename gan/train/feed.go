package train

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
)

// ErrUnread is what errors of a step are whose samples could not be read. The step was not made, and the state is as it was: once
// the data is mended, training goes on.
var ErrUnread = errors.New("the data cannot be read")

// feed reads ahead what sets that are streams have for the next steps, while the device works on this one. A step finds these
// samples in the variables of their set, which hold the batches of one call in the place of the whole set. Nothing of it runs on
// by itself: each call begins the reading of as many calls behind it as there is room for.
type feed struct {
	streams []*data.Stream  // of each set; nil for one that lies on the device
	ahead   []*window       // of the next calls, in their order
	last    <-chan struct{} // of the window that was begun last
}

// window is what one call of a step looks at.
type window struct {
	call   int
	rows   []int32  // as the step is given them, [sets·draws, size]
	pixels [][]byte // of each set that is a stream
	labels []int32  // of the first set, where it is one that has them

	done chan struct{}
	err  error // once done
}

const (
	mostAhead      = 8        // calls that are read ahead
	mostAheadBytes = 64 << 20 // of them, unless one takes more
)

// reads tells whether a set is a stream.
func (f *feed) reads() bool {
	return slices.ContainsFunc(f.streams, func(s *data.Stream) bool { return s != nil })
}

// take returns the window of a call, once it is read, and has those behind it read.
func (b *batches) take(call int) (*window, error) {
	f := &b.feed
	if len(f.ahead) == 0 || f.ahead[0].call != call { // a beginning, or another place of the run
		f.ahead = nil
		b.readAhead(call)
	}
	w := f.ahead[0]
	f.ahead = f.ahead[1:]
	b.readAhead(call + 1)
	<-w.done
	if w.err != nil {
		f.ahead = nil
		return nil, fmt.Errorf("%w for call %d, whose step was not made: %w", ErrUnread, call, w.err)
	}
	return w, nil
}

// readAhead begins to read what is not being read yet of the calls from `call` on, one after the other.
func (b *batches) readAhead(call int) {
	f := &b.feed
	bytes := 0
	for _, w := range f.ahead {
		bytes += w.bytes()
		call = w.call + 1
	}
	for ; len(f.ahead) == 0 || len(f.ahead) < mostAhead && bytes < mostAheadBytes; call++ {
		w := b.window(call)
		f.ahead = append(f.ahead, w)
		bytes += w.bytes()
	}
}

// window begins to read what a call looks at, once what was begun before is read.
func (b *batches) window(call int) *window {
	f := &b.feed
	w := &window{call: call, rows: b.next(call), pixels: make([][]byte, len(f.streams)), done: make(chan struct{})}
	places := make([][]int32, len(f.streams))
	for i, s := range f.streams {
		if s == nil {
			continue
		}
		rows := w.rows[i*b.perStep():][:b.perStep()]
		places[i], w.pixels[i] = slices.Clone(rows), make([]byte, len(rows)*s.Head().Size())
		for at, place := range places[i] {
			if labels := s.Head().Labels; i == 0 && labels != nil {
				w.labels = append(w.labels, labels[place])
			}
			rows[at] = int32(at)
		}
	}
	before := f.last
	f.last = w.done
	go func() {
		defer close(w.done)
		if before != nil {
			<-before
		}
		for i, s := range f.streams {
			if s != nil && w.err == nil {
				w.err = s.Read(places[i], w.pixels[i])
			}
		}
	}()
	return w
}

// bytes is how much memory a window takes.
func (w *window) bytes() (n int) {
	for _, pixels := range w.pixels {
		n += len(pixels)
	}
	return n
}

// lookedAt lays the samples of a call that are not on the device there, and returns the rows that its step is given.
func lookedAt(t *Trainer, call int) ([]int32, error) {
	if !t.batches.feed.reads() {
		return t.batches.next(call), nil
	}
	w, err := t.batches.take(call)
	if err != nil {
		return nil, err
	}
	for i, pixels := range w.pixels {
		if pixels == nil {
			continue
		}
		placed := t.ground.Sets[i]
		if err := lay(t, placed.Images, pixels); err != nil {
			return nil, err
		}
		if placed.Labels != nil {
			if err := lay(t, placed.Labels, w.labels); err != nil {
				return nil, err
			}
		}
	}
	return w.rows, nil
}

// lay gives a variable another value, in the place of the one before.
func lay(t *Trainer, v *model.Variable, flat any) error {
	buffer, err := t.backend.BufferFromFlatData(0, flat, v.Shape())
	if err != nil {
		return err
	}
	value, err := tensors.FromBuffer(buffer)
	if err != nil {
		return err
	}
	return v.SetValue(value)
}
