package purego

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// node is one result of an operation of a graph.
type node struct {
	call
	shape shapes.Shape
	size  int
	index int   // in the order of the graph
	place int   // which parameter it is, or which result of its maker
	maker *node // of a node that is one of several results

	role
	slot     int // of its memory, see memory.go
	constant bool
	value    []byte // of a constant
}

// call is an operation as it was asked for.
type call struct {
	op     compute.OpType
	inputs []*node // their roots, once the graph is simplified
	data   any     // what else it was given, see function
	again  replay
}

// role is what a node is to its program, see simplify and markLazy.
type role struct {
	same    *node   // whose numbers are this node's too
	views   []*node // the inputs before they were replaced by their roots
	readers int
	output  bool // of the program
	lazy    bool // read by loops from where its input is
	fixed   bool // depends on no parameter
}

// replay adds an operation to a function of GoMLX's backend.
type replay func(f compute.Function, in []compute.Value) ([]compute.Value, error)

// builder notes a graph down beside GoMLX's builder, which checks it.
type builder struct {
	compute.Builder
	backend *Backend
	main    *function
}

// Builder returns a builder of a computation.
func (b *Backend) Builder(name string) compute.Builder {
	inner := b.Backend.Builder(name)
	made := &builder{Builder: inner, backend: b}
	made.main = &function{Function: inner.Main(), builder: made, known: map[compute.Value]*node{}}
	return made
}

// Main returns the function that is the computation.
func (b *builder) Main() compute.Function { return b.main }

// function is the main function. Operations that are not among its methods are GoMLX's; a graph that has one of them
// is opaque, and GoMLX's backend runs the whole of it.
type function struct {
	compute.Function
	builder    *builder
	known      map[compute.Value]*node
	nodes      []*node
	parameters []*node
	outputs    []*node
	opaque     bool
}

// Builder returns the function's builder.
func (f *function) Builder() compute.Builder { return f.builder }

// add asks GoMLX's builder for an operation, and notes down what comes back.
func (f *function) add(op compute.OpType, data any, again replay, in ...compute.Value) ([]compute.Value, error) {
	values, err := again(f.Function, in)
	if err != nil {
		return nil, err
	}
	inputs := make([]*node, len(in))
	for i, v := range in {
		if inputs[i] = f.known[v]; inputs[i] == nil {
			f.opaque = true
			return values, nil
		}
	}
	asked := call{op: op, inputs: inputs, data: data, again: again}
	var maker *node
	if len(values) > 1 {
		maker = &node{call: asked, index: len(f.nodes)}
	}
	for i, v := range values {
		if f.known[v] != nil {
			continue
		}
		shape, err := f.Function.Shape(v)
		if err != nil {
			return nil, err
		}
		f.opaque = f.opaque || shape.IsDynamic()
		n := &node{call: asked, shape: shape, size: shape.Size(), place: i, maker: maker}
		f.note(v, n)
	}
	return values, nil
}

func (f *function) note(v compute.Value, n *node) {
	n.index = len(f.nodes)
	f.known[v] = n
	f.nodes = append(f.nodes, n)
}

// one is add for operations with one result.
func (f *function) one(op compute.OpType, data any, again func(compute.Function, []compute.Value) (compute.Value, error),
	in ...compute.Value) (compute.Value, error) {
	values, err := f.add(op, data, func(g compute.Function, in []compute.Value) ([]compute.Value, error) {
		v, err := again(g, in)
		return []compute.Value{v}, err
	}, in...)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

func (f *function) unary(op compute.OpType, method func(compute.Function, compute.Value) (compute.Value, error),
	x compute.Value) (compute.Value, error) {
	return f.one(op, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) { return method(g, in[0]) }, x)
}

func (f *function) binary(op compute.OpType, method func(compute.Function, compute.Value, compute.Value) (compute.Value, error),
	x, y compute.Value) (compute.Value, error) {
	return f.one(op, nil, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return method(g, in[0], in[1])
	}, x, y)
}

func (f *function) reduce(op compute.OpType, method func(compute.Function, compute.Value, ...int) (compute.Value, error),
	x compute.Value, axes []int) (compute.Value, error) {
	return f.one(op, axes, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return method(g, in[0], axes...)
	}, x)
}

// Parameter adds an input.
func (f *function) Parameter(name string, shape shapes.Shape, sharding *compute.ShardingSpec) (compute.Value, error) {
	v, err := f.Function.Parameter(name, shape, sharding)
	if err != nil {
		return nil, err
	}
	f.opaque = f.opaque || shape.IsDynamic()
	n := &node{call: call{op: compute.OpTypeParameter}, shape: shape, size: shape.Size(), place: len(f.parameters)}
	f.note(v, n)
	f.parameters = append(f.parameters, n)
	return v, nil
}

// Constant adds numbers that are part of the graph.
func (f *function) Constant(flat any, dims ...int) (compute.Value, error) {
	v, err := f.Function.Constant(flat, dims...)
	if err != nil || f.known[v] != nil {
		return v, err
	}
	shape, err := f.Function.Shape(v)
	if err != nil {
		return nil, err
	}
	bytes := dtypes.UnsafeByteSliceFromAny(flat)
	n := &node{call: call{op: compute.OpTypeConstant}, shape: shape, size: shape.Size(), constant: true, value: append([]byte(nil), bytes...)}
	f.note(v, n)
	return v, nil
}

// Return says which values are the outputs.
func (f *function) Return(outputs []compute.Value, shardings []*compute.ShardingSpec) error {
	if err := f.Function.Return(outputs, shardings); err != nil {
		return err
	}
	for _, v := range outputs {
		n := f.known[v]
		if n == nil {
			f.opaque = true
			return nil
		}
		f.outputs = append(f.outputs, n)
	}
	return nil
}
