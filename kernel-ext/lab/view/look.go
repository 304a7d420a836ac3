package view

import (
	"encoding/binary"
	"math"
	"time"

	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/show"
)

// Shape is that of samples whose numbers follow, float32, little-endian.
type Shape struct{ N, H, W, C int }

// Look is one look at the samples of a run. Beside it are bytes: a PNG where Picture is set, else the numbers of Images.
type Look struct {
	Step, Columns int
	Images        Shape
	Picture       bool
	Light         show.Light
	Note          string
	Stood         time.Duration // for which the training stood still
}

// Samples are the samples of a look that is no Picture, and the bytes beside it.
func (l Look) Samples(content []byte) sample.Images {
	return sample.Images{N: l.Images.N, Height: l.Images.H, Width: l.Images.W, Channels: l.Images.C, Values: Floats(content)}
}

// Bytes are numbers as they follow a Shape.
func Bytes(values []float32) []byte {
	bytes := make([]byte, 0, 4*len(values))
	for _, v := range values {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
	}
	return bytes
}

// Floats are the numbers of Bytes.
func Floats(bytes []byte) []float32 {
	values := make([]float32, len(bytes)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(bytes[4*i:]))
	}
	return values
}
