// Package protobuf writes protocol buffers field by field, for formats of which a dozen fields are needed: ONNX models and TensorBoard's events.
package protobuf

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Message is an encoded message (https://protobuf.dev/programming-guides/encoding). Its methods return it with a field more; the zero value is
// empty.
type Message []byte

// Number adds an integer or a value of an enumeration.
func (m Message) Number(field protowire.Number, value int64) Message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(value))
}

// Bytes adds bytes, or a message within this one.
func (m Message) Bytes(field protowire.Number, value []byte) Message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), value)
}

// Text adds a string.
func (m Message) Text(field protowire.Number, value string) Message {
	return m.Bytes(field, []byte(value))
}

// Float adds a float32.
func (m Message) Float(field protowire.Number, value float32) Message {
	return protowire.AppendFixed32(protowire.AppendTag(m, field, protowire.Fixed32Type), math.Float32bits(value))
}

// Double adds a float64.
func (m Message) Double(field protowire.Number, value float64) Message {
	return protowire.AppendFixed64(protowire.AppendTag(m, field, protowire.Fixed64Type), math.Float64bits(value))
}
