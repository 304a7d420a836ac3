package export

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/notimplemented"
	"github.com/gomlx/compute/shapes"
)

// recorder is a compute backend that runs nothing: GoMLX builds a graph against it, and it keeps the operations as ONNX
// nodes. What it does not know fails with an error that wraps compute.ErrNotImplemented, at which GoMLX takes the fused
// operations apart into simpler ones.
type recorder struct {
	notimplemented.Backend
	main *function
}

// newRecorder makes a recorder of one graph. variable returns the value of the variable at a path, or false for a name
// that is an input of the graph.
func newRecorder(variable func(path string) ([]byte, bool, error)) *recorder {
	refuse := func(op compute.OpType) error {
		return fmt.Errorf("ONNX export knows no operation %s: %w", op, compute.ErrNotImplemented)
	}
	main := &function{}
	main.recording = &recording{Function: notimplemented.Function{ErrFn: refuse}, builder: &builder{main: main}, variable: variable}
	return &recorder{main: main}
}

// Name implements compute.Backend.
func (*recorder) Name() string { return "onnx" }

// String implements compute.Backend.
func (*recorder) String() string { return "onnx" }

// Capabilities implements compute.Backend. Functions are refused when one is made, by an error of this package.
func (*recorder) Capabilities() compute.Capabilities { return compute.Capabilities{Functions: true} }

// Builder implements compute.Backend; there is one graph only.
func (r *recorder) Builder(string) compute.Builder { return r.main.builder }

// builder is the one graph's compute.Builder.
type builder struct {
	notimplemented.Builder
	main *function
}

// Main implements compute.Builder.
func (b *builder) Main() compute.Function { return b.main }

// OpShape implements compute.Builder.
func (b *builder) OpShape(op compute.Value) (shapes.Shape, error) { return b.main.Shape(op) }

// function is the one graph's compute.Function: the recording, and the operations that ONNX has, which are in ops.go, layout.go and
// product.go.
type function struct{ *recording }

// value is a tensor of the graph: an input, an initializer (data is set) or the output of a node.
type value struct {
	name  string
	shape shapes.Shape
	data  []byte // little endian, row-major
	from  *node  // nil for inputs and initializers
}

// node is one ONNX operator.
type node struct {
	op         string
	inputs     []*value
	output     *value
	attributes []attribute
}

// recording is the graph as far as it is recorded, and what of a compute.Function is no operation.
type recording struct {
	notimplemented.Function
	builder  *builder
	variable func(path string) ([]byte, bool, error)

	nodes                      []*node
	inputs, outputs, constants []*value
	names                      int // given out so far
}

// Builder implements compute.Function.
func (r *recording) Builder() compute.Builder { return r.builder }

// Shape implements compute.Function.
func (r *recording) Shape(v compute.Value) (shapes.Shape, error) { return v.(*value).shape, nil }

// Closure implements compute.Function.
func (r *recording) Closure() (compute.Function, error) {
	return nil, fmt.Errorf("ONNX export knows no operation with a function of its own, such as Sort, While and If: %w",
		compute.ErrNotImplemented)
}

// Parameter implements compute.Function: a variable of the store becomes an initializer, anything else an input.
func (r *recording) Parameter(name string, shape shapes.Shape, _ *compute.ShardingSpec) (compute.Value, error) {
	if err := checkType(shape.DType); err != nil {
		return nil, err
	}
	v := &value{name: name, shape: shape}
	content, found, err := r.variable(name)
	switch {
	case err != nil:
		return nil, err
	case found:
		v.data = content
		r.constants = append(r.constants, v)
	default:
		r.inputs = append(r.inputs, v)
	}
	return v, nil
}

// Constant implements compute.Function.
func (r *recording) Constant(flat any, dims ...int) (compute.Value, error) {
	content, err := binary.Append(nil, binary.LittleEndian, flat)
	if err != nil {
		return nil, fmt.Errorf("ONNX export: constant: %w", err)
	}
	shape := shapes.Make(dtypes.FromGoType(elementOf(flat)), dims...)
	if err := checkType(shape.DType); err != nil {
		return nil, err
	}
	return r.constant(shape, content), nil
}

// Return implements compute.Function.
func (r *recording) Return(outputs []compute.Value, _ []*compute.ShardingSpec) error {
	for _, output := range outputs {
		r.outputs = append(r.outputs, output.(*value))
	}
	return nil
}

func (r *recording) constant(shape shapes.Shape, content []byte) *value {
	v := &value{name: r.name("constant"), shape: shape, data: content}
	r.constants = append(r.constants, v)
	return v
}

// integers is an int64 vector, in which ONNX wants shapes, axes and bounds.
func (r *recording) integers(values ...int) *value {
	var content []byte
	for _, v := range values {
		content = binary.LittleEndian.AppendUint64(content, uint64(v))
	}
	return r.constant(shapes.Make(dtypes.Int64, len(values)), content)
}

// add records one node.
func (r *recording) add(op string, shape shapes.Shape, inputs []*value, attributes ...attribute) *value {
	n := &node{op: op, inputs: inputs, attributes: attributes}
	n.output = &value{name: r.name(op), shape: shape, from: n}
	r.nodes = append(r.nodes, n)
	return n.output
}

func (r *recording) name(kind string) string {
	r.names++
	return kind + "_" + strconv.Itoa(r.names)
}

// reachable lists the values that the outputs depend on, and the nodes among them in the order they were recorded, in
// which every node follows its inputs.
func (r *recording) reachable() (map[*value]bool, []*node) {
	needed := make(map[*value]bool)
	var mark func(v *value)
	mark = func(v *value) {
		if needed[v] {
			return
		}
		needed[v] = true
		if v.from != nil {
			for _, input := range v.from.inputs {
				mark(input)
			}
		}
	}
	for _, output := range r.outputs {
		mark(output)
	}
	return needed, slices.DeleteFunc(slices.Clone(r.nodes), func(n *node) bool { return !needed[n.output] })
}

// elementTypes maps GoMLX's dtypes to those of TensorProto.
func elementTypes() map[dtypes.DType]int64 {
	return map[dtypes.DType]int64{
		dtypes.Float32: 1, dtypes.Uint8: 2, dtypes.Int8: 3, dtypes.Uint16: 4, dtypes.Int16: 5, dtypes.Int32: 6,
		dtypes.Int64: 7, dtypes.Bool: 9, dtypes.Float16: 10, dtypes.Float64: 11, dtypes.Uint32: 12, dtypes.Uint64: 13,
		dtypes.BFloat16: 16,
	}
}

func checkType(dtype dtypes.DType) error {
	if _, found := elementTypes()[dtype]; !found {
		return fmt.Errorf("ONNX export knows no dtype %s: %w", dtype, compute.ErrNotImplemented)
	}
	return nil
}
