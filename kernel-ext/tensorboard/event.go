package tensorboard

import (
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of an event file, written field by field. The numbers are those of the schemas event.proto, summary.proto, tensor.proto,
// tensor_shape.proto and types.proto below https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto.

// fileVersion is what the first event of a file says.
const fileVersion = "brain.Event:2"

// Values of enumerations in the schemas.
const (
	dataString  = 7 // DataType DT_STRING
	classScalar = 1 // DataClass
	classTensor = 2
)

// Image.colorspace has the number of channels of the picture.
const rgb = 3

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

func (m message) double(field protowire.Number, value float64) message {
	return protowire.AppendFixed64(protowire.AppendTag(m, field, protowire.Fixed64Type), math.Float64bits(value))
}

// event begins an Event.
func event(at time.Time) message { return message(nil).double(1, float64(at.UnixMicro())/1e6) }

// first is the event that begins a file.
func first(at time.Time) message { return event(at).text(3, fileVersion) }

// summary is an Event of one Summary.Value.
func summary(step int, at time.Time, value message) message {
	return event(at).number(2, int64(step)).bytes(5, message(nil).bytes(1, value))
}

// plugin is a SummaryMetadata: by which of TensorBoard's pages a value is shown, and what kind of data it is.
func plugin(name string, class int64) message {
	return message(nil).bytes(1, message(nil).text(1, name)).number(4, class)
}

// scalarValue is a Summary.Value of one number.
func scalarValue(name string, value float64) message {
	return message(nil).text(1, name).float(2, float32(value)).bytes(9, plugin("scalars", classScalar))
}

// imageValue is a Summary.Value of one picture.
func imageValue(name string, png []byte, height, width int) message {
	image := message(nil).number(1, int64(height)).number(2, int64(width)).number(3, rgb).bytes(4, png)
	return message(nil).text(1, name).bytes(4, image)
}

// textValue is a Summary.Value of one text, a tensor of one string.
func textValue(name, text string) message {
	shape := message(nil).bytes(2, message(nil).number(1, 1))
	tensor := message(nil).number(1, dataString).bytes(2, shape).text(8, text)
	return message(nil).text(1, name).bytes(8, tensor).bytes(9, plugin("text", classTensor))
}
