package tensorboard

import (
	"time"

	"gantry.local/gan/protobuf"
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

// event begins an Event.
func event(at time.Time) protobuf.Message {
	return protobuf.Message(nil).Double(1, float64(at.UnixMicro())/1e6)
}

// first is the event that begins a file.
func first(at time.Time) protobuf.Message { return event(at).Text(3, fileVersion) }

// summary is an Event of one Summary.Value.
func summary(step int, at time.Time, value protobuf.Message) protobuf.Message {
	return event(at).Number(2, int64(step)).Bytes(5, protobuf.Message(nil).Bytes(1, value))
}

// plugin is a SummaryMetadata: by which of TensorBoard's pages a value is shown, and what kind of data it is.
func plugin(name string, class int64) protobuf.Message {
	return protobuf.Message(nil).Bytes(1, protobuf.Message(nil).Text(1, name)).Number(4, class)
}

// scalarValue is a Summary.Value of one number.
func scalarValue(name string, value float64) protobuf.Message {
	return protobuf.Message(nil).Text(1, name).Float(2, float32(value)).Bytes(9, plugin("scalars", classScalar))
}

// imageValue is a Summary.Value of one picture.
func imageValue(name string, png []byte, height, width int) protobuf.Message {
	image := protobuf.Message(nil).Number(1, int64(height)).Number(2, int64(width)).Number(3, rgb).Bytes(4, png)
	return protobuf.Message(nil).Text(1, name).Bytes(4, image)
}

// textValue is a Summary.Value of one text, a tensor of one string.
func textValue(name, text string) protobuf.Message {
	shape := protobuf.Message(nil).Bytes(2, protobuf.Message(nil).Number(1, 1))
	tensor := protobuf.Message(nil).Number(1, dataString).Bytes(2, shape).Text(8, text)
	return protobuf.Message(nil).Text(1, name).Bytes(8, tensor).Bytes(9, plugin("text", classTensor))
}
