// Package safetensors reads and writes tensors in the safetensors format, which PyTorch, JAX and Keras read too.
//
// A file is the length of a JSON header (uint64, little endian), the header, and the tensors' bytes. The header maps a
// name to dtype, shape and byte range, and may carry text under "__metadata__". This package adds to that text the
// SHA-256 of the header and the tensors' bytes, so that a damaged file is told from a good one: a bit that flipped, a cut,
// a zeroed block, something appended.
//
// A file says itself how long its parts are, so each length is compared with the file and with [MaxFile], [MaxHeader] and
// [MaxTensors] before anything is allocated. [Open] reads the header alone, [Reader.Verify] all of it without keeping it.
//
// Format: https://huggingface.co/docs/safetensors
package safetensors

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrDamaged is wrapped by every error of reading that means that the file is truncated or altered, that the disk cannot
// give it back, or that it is no file at all but a folder, a pipe or a device. A file that may not be read, and one that
// is not there, are no such error.
var ErrDamaged = errors.New("damaged file")

// Limits of what is read, and therefore of what is written.
const (
	MaxFile    = 4 << 30 // bytes of a file
	MaxHeader  = 8 << 20 // bytes of a header; the format itself allows 100 MB
	MaxTensors = 1 << 16 // tensors of a file
	maxRank    = 16      // axes of a tensor
)

const (
	metadataKey = "__metadata__"
	sumKey      = "sha256"
)

// Tensor is a named array. Data is its raw values, row-major and little endian.
type Tensor struct {
	Name  string
	DType string // F16, BF16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64 or BOOL
	Shape []int
	Data  []byte
}

// File is the content of a safetensors file.
type File struct {
	Metadata map[string]string // free text; the key "sha256" is this package's
	Tensors  []Tensor          // in the order of their bytes
}

type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets []int  `json:"data_offsets"`
}

// Tensor returns the tensor called name, or false.
func (f *File) Tensor(name string) (Tensor, bool) {
	i := slices.IndexFunc(f.Tensors, func(t Tensor) bool { return t.Name == name })
	if i < 0 {
		return Tensor{}, false
	}
	return f.Tensors[i], true
}

// WriteTo writes the file; it implements io.WriterTo.
func (f *File) WriteTo(w io.Writer) (int64, error) {
	header, err := f.header()
	if err != nil {
		return 0, err
	}
	var written int64
	chunks := [][]byte{binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header}
	for _, t := range f.Tensors {
		chunks = append(chunks, t.Data)
	}
	for _, chunk := range chunks {
		n, err := w.Write(chunk)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

func (f *File) header() ([]byte, error) {
	if len(f.Tensors) > MaxTensors {
		return nil, fmt.Errorf("%d tensors are more than the %d that a file may have", len(f.Tensors), MaxTensors)
	}
	entries := make(map[string]any, len(f.Tensors)+1)
	offset := 0
	for _, t := range f.Tensors {
		if want, err := byteSize(t.DType, t.Shape); err != nil || want != len(t.Data) {
			return nil, fmt.Errorf("tensor %q (%s %v) has %d bytes", t.Name, t.DType, t.Shape, len(t.Data))
		}
		if _, twice := entries[t.Name]; twice || t.Name == metadataKey {
			return nil, fmt.Errorf("tensor name %q is taken", t.Name)
		}
		entries[t.Name] = entry{t.DType, append([]int{}, t.Shape...), []int{offset, offset + len(t.Data)}}
		offset += len(t.Data)
	}
	metadata := map[string]string{sumKey: noSum}
	for key, value := range f.Metadata {
		if key != sumKey {
			metadata[key] = value
		}
	}
	entries[metadataKey] = metadata
	header, err := json.Marshal(entries)
	if err != nil {
		return nil, err
	}
	if pad := len(header) % 8; pad != 0 {
		header = append(header, bytes.Repeat([]byte(" "), 8-pad)...)
	}
	if size := 8 + len(header) + offset; len(header) > MaxHeader || size > MaxFile {
		return nil, fmt.Errorf("%d bytes with a header of %d are more than a file may have: at most %d and %d", size,
			len(header), MaxFile, MaxHeader)
	}
	parts := [][]byte{header}
	for _, t := range f.Tensors {
		parts = append(parts, t.Data)
	}
	return withSum(header, noSum, sumOf(parts...)), nil
}

// sumOf is the SHA-256 of the parts in a row, in hexadecimal digits.
func sumOf(parts ...[]byte) string {
	sum := sha256.New()
	for _, part := range parts {
		sum.Write(part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// noSum stands in the header for the checksum, which covers the header and the body, while it is computed.
const noSum = "0000000000000000000000000000000000000000000000000000000000000000"

// withSum replaces the checksum in a header by another.
func withSum(header []byte, old, sum string) []byte {
	return bytes.Replace(header, []byte(`"`+old+`"`), []byte(`"`+sum+`"`), 1)
}

// itemSize is the number of bytes of one value, 0 for an unknown dtype.
func itemSize(dtype string) int {
	switch dtype {
	case "BOOL", "I8", "U8":
		return 1
	case "F16", "BF16", "I16", "U16":
		return 2
	case "F32", "I32", "U32":
		return 4
	case "F64", "I64", "U64":
		return 8
	}
	return 0
}

// byteSize is the number of bytes of an array, or an error for an unknown dtype or an impossible shape.
func byteSize(dtype string, shape []int) (int, error) {
	size := itemSize(dtype)
	if size == 0 {
		return 0, fmt.Errorf("unknown dtype %q", dtype)
	}
	for _, dim := range shape {
		if dim < 0 || len(shape) > maxRank || (dim > 0 && size > MaxFile/dim) {
			return 0, fmt.Errorf("impossible shape %v", shape)
		}
		size *= dim
	}
	return size, nil
}
