package purego

import (
	"slices"

	"github.com/gomlx/compute/shapes"
)

// spares are buffers that callers gave away, as the weights of the last step: the outputs of the next run are written into them.
type spares struct {
	free   map[int][]*Buffer // by size in bytes: at most as many as outputs
	wanted map[int]int       // outputs by size
}

func newSpares(outputs []*node) *spares {
	s := &spares{free: map[int][]*Buffer{}, wanted: map[int]int{}}
	for _, n := range outputs {
		s.wanted[int(n.shape.ByteSize())]++
	}
	return s
}

// take returns a buffer for an output, or nil where none fits.
func (s *spares) take(shape shapes.Shape) *Buffer {
	size := int(shape.ByteSize())
	free := s.free[size]
	for i, b := range free {
		if b.shape.DType == shape.DType {
			s.free[size] = slices.Delete(free, i, i+1)
			return b
		}
	}
	return nil
}

// give keeps the memory of a buffer that its owner gave away. The owner's handle is finalized.
func (s *spares) give(b *Buffer) {
	if size := len(b.bytes); len(s.free[size]) < s.wanted[size] {
		kept := *b
		s.free[size] = append(s.free[size], &kept)
	}
	b.flat, b.bytes, b.inner = nil, nil, nil
}
