// Package safetensors reads and writes tensors in the safetensors format, which PyTorch, JAX and Keras read too.
//
// A file is the length of a JSON header (uint64, little endian), the header, and the tensors' bytes. The header maps a
// name to dtype, shape and byte range, and may carry text under "__metadata__". This package adds to that text the
// SHA-256 of the tensors' bytes, so that a damaged file is told from a good one.
//
// Format: https://huggingface.co/docs/safetensors
package safetensors

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// ErrDamaged is wrapped by every error of Read that means the file is truncated or altered.
var ErrDamaged = errors.New("damaged file")

const (
	metadataKey = "__metadata__"
	sumKey      = "sha256"
	maxHeader   = 100 << 20 // the format's own limit
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
	Offsets [2]int `json:"data_offsets"`
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
	entries := make(map[string]any, len(f.Tensors)+1)
	offset := 0
	for _, t := range f.Tensors {
		if want, err := byteSize(t.DType, t.Shape); err != nil || want != len(t.Data) {
			return nil, fmt.Errorf("tensor %q (%s %v) has %d bytes", t.Name, t.DType, t.Shape, len(t.Data))
		}
		if _, twice := entries[t.Name]; twice || t.Name == metadataKey {
			return nil, fmt.Errorf("tensor name %q is taken", t.Name)
		}
		entries[t.Name] = entry{t.DType, append([]int{}, t.Shape...), [2]int{offset, offset + len(t.Data)}}
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
	parts := [][]byte{header}
	for _, t := range f.Tensors {
		parts = append(parts, t.Data)
	}
	return withSum(header, noSum, sumOf(parts...)), nil
}

// noSum stands in the header for the checksum, which covers the header and the body, while it is computed.
const noSum = "0000000000000000000000000000000000000000000000000000000000000000"

// withSum replaces the checksum in a header by another.
func withSum(header []byte, old, sum string) []byte {
	return bytes.Replace(header, []byte(`"`+old+`"`), []byte(`"`+sum+`"`), 1)
}

// Save writes the file to path so that path holds either its former content or the whole new one, whatever happens:
// a temporary file beside it is written, synced and renamed.
func (f *File) Save(path string) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			temporary.Close()
			os.Remove(temporary.Name())
			err = fmt.Errorf("cannot save %s (earlier files are untouched): %w", path, err)
		}
	}()
	if _, err = f.WriteTo(temporary); err != nil {
		return err
	}
	if err = temporary.Sync(); err != nil {
		return err
	}
	if err = temporary.Close(); err != nil {
		return err
	}
	if err = os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename in dir survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Load reads and verifies the file at path.
func Load(path string) (*File, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Parse reads a file's content. Tensors share its memory. Files without a checksum (written by other programs) are
// accepted; a wrong checksum, a header that does not fit the content, gaps and overlaps are ErrDamaged.
func Parse(content []byte) (*File, error) {
	if len(content) < 8 {
		return nil, fmt.Errorf("%w: %d bytes are no safetensors file", ErrDamaged, len(content))
	}
	size := binary.LittleEndian.Uint64(content)
	if size > maxHeader || size > uint64(len(content)-8) {
		return nil, fmt.Errorf("%w: header of %d bytes in a file of %d", ErrDamaged, size, len(content))
	}
	header, body := content[8:8+size], content[8+size:]
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrDamaged, err)
	}
	f := &File{Metadata: map[string]string{}}
	if metadata, found := raw[metadataKey]; found {
		if err := json.Unmarshal(metadata, &f.Metadata); err != nil {
			return nil, fmt.Errorf("%w: metadata: %w", ErrDamaged, err)
		}
		delete(raw, metadataKey)
	}
	for key, value := range f.Metadata {
		if key != sumKey && len([]rune(key)) == len(sumKey) && len(value) == len(noSum) {
			return nil, fmt.Errorf("%w: the name of its checksum is %q", ErrDamaged, key)
		}
	}
	if err := f.parseTensors(raw, body); err != nil {
		return nil, err
	}
	if want, found := f.Metadata[sumKey]; found && want != sumOf(withSum(header, want, noSum), body) {
		return nil, fmt.Errorf("%w: its checksum is wrong", ErrDamaged)
	}
	delete(f.Metadata, sumKey)
	return f, nil
}

// sumOf is the SHA-256 of the parts in a row, in hexadecimal digits.
func sumOf(parts ...[]byte) string {
	sum := sha256.New()
	for _, part := range parts {
		sum.Write(part)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func (f *File) parseTensors(raw map[string]json.RawMessage, body []byte) error {
	offsets := make(map[string]int, len(raw))
	for name, message := range raw {
		var e entry
		if err := json.Unmarshal(message, &e); err != nil {
			return fmt.Errorf("%w: tensor %q: %w", ErrDamaged, name, err)
		}
		start, end := e.Offsets[0], e.Offsets[1]
		want, err := byteSize(e.DType, e.Shape)
		if err != nil || start < 0 || end < start || end > len(body) || end-start != want {
			return fmt.Errorf("%w: tensor %q (%s %v) at bytes %d to %d of %d", ErrDamaged, name, e.DType, e.Shape,
				start, end, len(body))
		}
		offsets[name] = start
		f.Tensors = append(f.Tensors, Tensor{name, e.DType, e.Shape, body[start:end:end]})
	}
	slices.SortFunc(f.Tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(offsets[a.Name], offsets[b.Name]), cmp.Compare(len(a.Data), len(b.Data)))
	})
	covered := 0
	for _, t := range f.Tensors {
		if offsets[t.Name] != covered {
			return fmt.Errorf("%w: tensor %q leaves a gap or overlaps", ErrDamaged, t.Name)
		}
		covered += len(t.Data)
	}
	if covered != len(body) {
		return fmt.Errorf("%w: %d bytes belong to no tensor", ErrDamaged, len(body)-covered)
	}
	return nil
}

// byteSize is the number of bytes of an array, or an error for an unknown dtype or an impossible shape.
func byteSize(dtype string, shape []int) (int, error) {
	var size int
	switch dtype {
	case "BOOL", "I8", "U8":
		size = 1
	case "F16", "BF16", "I16", "U16":
		size = 2
	case "F32", "I32", "U32":
		size = 4
	case "F64", "I64", "U64":
		size = 8
	default:
		return 0, fmt.Errorf("unknown dtype %q", dtype)
	}
	for _, dim := range shape {
		if dim < 0 || (dim > 0 && size > math.MaxInt/dim) {
			return 0, fmt.Errorf("impossible shape %v", shape)
		}
		size *= dim
	}
	return size, nil
}
