package export

import "gantry.local/gan/protobuf"

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

// attribute is a named constant of a node: an int64, a float32 or a []int.
type attribute struct {
	name  string
	value any
}

func (a attribute) encode() protobuf.Message {
	m := protobuf.Message(nil).Text(1, a.name)
	switch value := a.value.(type) {
	case int:
		return m.Number(3, int64(value)).Number(20, attributeInt)
	case float32:
		return m.Float(2, value).Number(20, attributeFloat)
	default:
		for _, v := range value.([]int) {
			m = m.Number(8, int64(v))
		}
		return m.Number(20, attributeInts)
	}
}

// encode is a NodeProto.
func (n *node) encode() protobuf.Message {
	var m protobuf.Message
	for _, input := range n.inputs {
		m = m.Text(1, input.name)
	}
	m = m.Text(2, n.output.name).Text(3, n.output.name).Text(4, n.op)
	for _, a := range n.attributes {
		m = m.Bytes(5, a.encode())
	}
	return m
}

// tensor is a TensorProto, an initializer.
func (v *value) tensor() protobuf.Message {
	var m protobuf.Message
	for _, dim := range v.shape.Dimensions {
		m = m.Number(1, int64(dim))
	}
	return m.Number(2, elementTypes()[v.shape.DType]).Text(8, v.name).Bytes(9, v.data)
}

// info is a ValueInfoProto, which declares an input or output.
func (v *value) info() protobuf.Message {
	var shape protobuf.Message
	for _, dim := range v.shape.Dimensions {
		shape = shape.Bytes(1, protobuf.Message(nil).Number(1, int64(dim)))
	}
	tensor := protobuf.Message(nil).Number(1, elementTypes()[v.shape.DType]).Bytes(2, shape)
	return protobuf.Message(nil).Text(1, v.name).Bytes(2, protobuf.Message(nil).Bytes(1, tensor))
}

// model is a ModelProto of what the outputs need.
func (r *recording) model(name string) protobuf.Message {
	needed, nodes := r.reachable()
	graph := protobuf.Message(nil)
	for _, n := range nodes {
		graph = graph.Bytes(1, n.encode())
	}
	graph = graph.Text(2, name)
	for _, v := range r.constants {
		if needed[v] {
			graph = graph.Bytes(5, v.tensor())
		}
	}
	for _, v := range r.inputs {
		graph = graph.Bytes(11, v.info())
	}
	for _, v := range r.outputs {
		graph = graph.Bytes(12, v.info())
	}
	return protobuf.Message(nil).Number(1, irVersion).Text(2, "gantry").Bytes(7, graph).
		Bytes(8, protobuf.Message(nil).Text(1, "").Number(2, opset))
}
