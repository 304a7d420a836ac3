// Package purego is a compute.Backend without C: GoMLX's own Go backend, with a faster way to run what GANs are made of.
//
// GoMLX's backend (github.com/gomlx/compute/gobackend) runs a graph node by node, with loops that are written for any
// type and shape; but for the matrix product they take nine tenths of a training step. Here its builder still checks
// each graph and infers each shape, while the nodes are noted down beside it. What was noted is compiled to a program:
//
//   - elementwise nodes are joined to loops that pass over memory once, a few vectors at a time (loop.go);
//   - products and convolutions are one routine that reads its operands in place, by tables of offsets (product.go);
//   - reductions, and what only moves numbers, have routines of their own (reduce.go, move.go);
//   - all memory between nodes is laid out once (memory.go);
//   - any other node is a graph of that one node on GoMLX's backend (fallback.go), and a graph with functions in it,
//     such as a While loop, is wholly left to that backend.
//
// Each node is shared out among the processor's cores. Every sum has an order of its own that does not depend on their
// number, so a program computes the same bits each time.
package purego

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
)

// Backend computes in Go. It implements compute.Backend.
type Backend struct {
	compute.Backend // GoMLX's, for shapes, memory and what has no routine here
	crew            *crew
}

// New returns a backend that uses as many cores as GOMAXPROCS allows. Close it by Finalize.
//
// GoMLX's backend runs its nodes one after the other here: where it runs them at the same time, as it does by default,
// a few matrix products that start together can wait for each other forever (docs/upstream/go-backend-deadlock.md).
func New() (*Backend, error) {
	inner, err := gobackend.New("ops_sequential")
	if err != nil {
		return nil, err
	}
	return &Backend{Backend: inner, crew: newCrew()}, nil
}

// kept stands in for a Backend in a notebook whose variables live on from cell to cell.
type kept struct{ Name string }

// Kept returns what a notebook keeps of the backend between two cells: that it is one.
func (b *Backend) Kept() (any, error) {
	if b.IsFinalized() {
		return nil, errors.New("a backend that was finalized")
	}
	return kept{b.Name()}, nil
}

// Restored makes the backend anew.
func (kept) Restored() (any, error) { return New() }

// Name is "go", as GoMLX calls its backend in GOMLX_BACKEND.
func (b *Backend) Name() string { return "go" }

// String is the name.
func (b *Backend) String() string { return b.Name() }

// Description names the backend, the cores it uses and the vectors it computes with.
func (b *Backend) Description() string {
	return fmt.Sprintf("pure Go, %d cores, %s", b.crew.size, vectors())
}

// Capabilities are those of GoMLX's backend without the fused operations, whose parts are faster here.
func (b *Backend) Capabilities() compute.Capabilities {
	c := b.Backend.Capabilities().Clone()
	for op := range c.Operations {
		if fused(op) {
			delete(c.Operations, op)
		}
	}
	c.DynamicAxes = false
	return c
}

func fused(op compute.OpType) bool {
	name := op.String()
	return len(name) > 5 && name[:5] == "Fused"
}

// Buffer is a tensor in memory. It implements compute.Buffer.
type Buffer struct {
	backend *Backend
	shape   shapes.Shape
	flat    any            // a slice of the type that goes with the shape
	bytes   []byte         // the same memory
	inner   compute.Buffer // the same memory as GoMLX's backend sees it
}

func (b *Backend) newBuffer(shape shapes.Shape) (*Buffer, error) {
	inner, flat, err := b.Backend.NewSharedBuffer(0, shape)
	if err != nil {
		return nil, err
	}
	return b.wrap(inner, flat, shape), nil
}

func (b *Backend) wrap(inner compute.Buffer, flat any, shape shapes.Shape) *Buffer {
	return &Buffer{backend: b, shape: shape, flat: flat, bytes: dtypes.UnsafeByteSliceFromAny(flat), inner: inner}
}

// BufferFromFlatData copies a slice of Go's numbers.
func (b *Backend) BufferFromFlatData(device compute.DeviceNum, flat any, shape shapes.Shape) (compute.Buffer, error) {
	inner, err := b.Backend.BufferFromFlatData(device, flat, shape)
	if err != nil {
		return nil, err
	}
	return b.adopt(inner, shape)
}

// adopt wraps a buffer of GoMLX's backend.
func (b *Backend) adopt(inner compute.Buffer, shape shapes.Shape) (*Buffer, error) {
	flat, err := inner.Data()
	if err != nil {
		return nil, err
	}
	return b.wrap(inner, flat, shape), nil
}

// NewSharedBuffer returns a buffer and the slice that is its memory.
func (b *Backend) NewSharedBuffer(device compute.DeviceNum, shape shapes.Shape) (compute.Buffer, any, error) {
	inner, flat, err := b.Backend.NewSharedBuffer(device, shape)
	if err != nil {
		return nil, nil, err
	}
	return b.wrap(inner, flat, shape), flat, nil
}

// Backend returns the backend it was made by.
func (b *Buffer) Backend() compute.Backend { return b.backend }

// Finalize lets go of the memory.
func (b *Buffer) Finalize() error {
	b.flat, b.bytes, b.inner = nil, nil, nil
	return nil
}

// Shape returns the tensor's shape.
func (b *Buffer) Shape() (shapes.Shape, error) { return b.shape, nil }

// DeviceNum is 0: there is one device.
func (b *Buffer) DeviceNum() (compute.DeviceNum, error) { return 0, nil }

// ToFlatData copies the numbers to a slice of as many.
func (b *Buffer) ToFlatData(flat any) error {
	if b.inner == nil {
		return errFinalized
	}
	return b.inner.ToFlatData(flat)
}

// Data returns the buffer's own memory.
func (b *Buffer) Data() (any, error) {
	if b.flat == nil {
		return nil, errFinalized
	}
	return b.flat, nil
}

// CopyToDevice copies the buffer.
func (b *Buffer) CopyToDevice(device compute.DeviceNum) (compute.Buffer, error) {
	if b.flat == nil {
		return nil, errFinalized
	}
	return b.backend.BufferFromFlatData(device, b.flat, b.shape)
}

var errFinalized = fmt.Errorf("the buffer is finalized")

// floats sees memory as float32 numbers.
func floats(memory []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(memory))), len(memory)/4)
}
