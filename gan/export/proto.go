package export

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of onnx.proto that a model needs, written field by field. The numbers are those of the schema,
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.

const (
	irVersion = 8  // of the file format, the one that goes with the opset
	opset     = 17 // of the operators, ONNX 1.12
)

// Attribute types of the schema.
const (
	attributeFloat = 1
	attributeInt   = 2
	attributeInts  = 7
)

// message is an encoded protocol buffer.
type message []byte

func (m message) number(field protowire.Number, value int64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(value))
}

func (m message) bytes(field protowire.Number, value []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), value)
}

func (m message) text(field protowire.Number, value string) message {
	return m.bytes(field, []byte(value))
}

func (m message) float(field protowire.Number, value float32) message {
	return protowire.AppendFixed32(protowire.AppendTag(m, field, protowire.Fixed32Type), math.Float32bits(value))
}

// attribute is a named constant of a node: an int64, a float32 or a []int.
type attribute struct {
	name  string
	value any
}

func (a attribute) encode() message {
	m := message(nil).text(1, a.name)
	switch value := a.value.(type) {
	case int:
		return m.number(3, int64(value)).number(20, attributeInt)
	case float32:
		return m.float(2, value).number(20, attributeFloat)
	default:
		for _, v := range value.([]int) {
			m = m.number(8, int64(v))
		}
		return m.number(20, attributeInts)
	}
}

// encode is a NodeProto.
func (n *node) encode() message {
	var m message
	for _, input := range n.inputs {
		m = m.text(1, input.name)
	}
	m = m.text(2, n.output.name).text(3, n.output.name).text(4, n.op)
	for _, a := range n.attributes {
		m = m.bytes(5, a.encode())
	}
	return m
}

// tensor is a TensorProto, an initializer.
func (v *value) tensor() message {
	var m message
	for _, dim := range v.shape.Dimensions {
		m = m.number(1, int64(dim))
	}
	return m.number(2, elementTypes()[v.shape.DType]).text(8, v.name).bytes(9, v.data)
}

// info is a ValueInfoProto, which declares an input or output.
func (v *value) info() message {
	var shape message
	for _, dim := range v.shape.Dimensions {
		shape = shape.bytes(1, message(nil).number(1, int64(dim)))
	}
	tensor := message(nil).number(1, elementTypes()[v.shape.DType]).bytes(2, shape)
	return message(nil).text(1, v.name).bytes(2, message(nil).bytes(1, tensor))
}

// model is a ModelProto of what the outputs need.
func (r *recording) model(name string) message {
	needed, nodes := r.reachable()
	graph := message(nil)
	for _, n := range nodes {
		graph = graph.bytes(1, n.encode())
	}
	graph = graph.text(2, name)
	for _, v := range r.constants {
		if needed[v] {
			graph = graph.bytes(5, v.tensor())
		}
	}
	for _, v := range r.inputs {
		graph = graph.bytes(11, v.info())
	}
	for _, v := range r.outputs {
		graph = graph.bytes(12, v.info())
	}
	return message(nil).number(1, irVersion).text(2, "gantry").bytes(7, graph).
		bytes(8, message(nil).text(1, "").number(2, opset))
}
