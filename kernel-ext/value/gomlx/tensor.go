package gomlx

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/kernel-ext/value"
	"gantry.local/kernel-ext/value/picture"
)

// mostFloats is how many numbers of 16 bits are looked at.
const mostFloats = 1 << 20

// tensor shows a tensor: its shape, where it lies, the range of its numbers, and a picture of them or a corner.
func tensor(t *tensors.Tensor) map[string]any {
	if !t.Ok() {
		return line("tensor, which is finalized")
	}
	title := "tensor " + t.Shape().String() + ", " + where(t)
	if t.Shape().IsZeroSize() {
		return line(title + ", without a number")
	}
	content := line(title)
	err := t.ConstFlatData(func(flat any) {
		numbers := reflect.ValueOf(widened(flat))
		if numbers.Len() < 1 || t.DType().Bits() < 8 && t.DType() != dtypes.Bool { // packed
			return
		}
		content = numbersOf(title, t.Shape().Dimensions, numbers)
	})
	if err != nil {
		return line(title + ", which cannot be read: " + err.Error())
	}
	return content
}

// where says where a tensor's numbers are.
func where(t *tensors.Tensor) string {
	if !t.IsOnAnyDevice() {
		return "in Go's memory"
	}
	b, err := t.Backend()
	if err != nil {
		return "on a device"
	}
	device, err := t.Device()
	if err != nil {
		return "on backend " + b.Name()
	}
	return fmt.Sprintf("on device %d of backend %s", device, b.Name())
}

// widened is a tensor's numbers, those of 16 bits as float32, the first of many.
func widened(flat any) any {
	type float16 interface{ Float32() float32 }
	numbers := reflect.ValueOf(flat)
	if !numbers.Type().Elem().Implements(reflect.TypeFor[float16]()) {
		return flat
	}
	wide := make([]float32, min(numbers.Len(), mostFloats))
	for i := range wide {
		wide[i] = numbers.Index(i).Interface().(float16).Float32()
	}
	return wide
}

// numbersOf shows numbers of a shape.
func numbersOf(title string, dimensions []int, numbers reflect.Value) map[string]any {
	note := value.Note(numbers.Interface())
	if images := pictures(dimensions, numbers); images != nil {
		shown := picture.Form(images)
		if encoded, is := shown["image/png"].([]byte); is {
			img := `<div><img alt="the tensor as a picture" src="data:image/png;base64,` + base64.StdEncoding.EncodeToString(encoded) + `"/></div>`
			return map[string]any{"text/plain": title + "\n" + note, "text/html": page(title, note, img)}
		}
	}
	corner, of := cornerOf(dimensions, numbers)
	if corner == nil {
		return line(title + "\n" + note)
	}
	b := value.BundleOf(corner)
	text := string(b["text/plain"])
	if of == "" { // all of it, which has its note already
		return map[string]any{"text/plain": title + "\n" + text, "text/html": page(title, "", wrapped(b))}
	}
	return map[string]any{"text/plain": title + "\n" + note + "\n" + of + "\n" + text, "text/html": page(title, note, page(of, "", wrapped(b)))}
}

// wrapped is a bundle's HTML, or its text in a paragraph of its own.
func wrapped(b value.Bundle) string {
	if b["text/html"] != nil {
		return string(b["text/html"])
	}
	return page("", string(b["text/plain"]), "")
}

// cornerOf is what is shown of numbers: the one of a scalar, all of a vector or a matrix, and of more axes the first matrix
// of the last two. of names that.
func cornerOf(dimensions []int, numbers reflect.Value) (corner any, of string) {
	rank := len(dimensions)
	switch rank {
	case 0:
		return numbers.Index(0).Interface(), ""
	case 1:
		return numbers.Interface(), ""
	}
	rows, columns := dimensions[rank-2], dimensions[rank-1]
	if numbers.Len() < rows*columns { // of more that was not looked at
		rows = numbers.Len() / columns
	}
	matrix := reflect.MakeSlice(reflect.SliceOf(numbers.Type()), rows, rows)
	for i := range rows {
		matrix.Index(i).Set(numbers.Slice(i*columns, (i+1)*columns))
	}
	if rank > 2 {
		of = "[" + strings.Repeat("0, ", rank-2) + ":, :]"
	}
	return matrix.Interface(), of
}
