package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// dtypeSizes lists every dtype of the format that the package knows, with its size in bytes.
func dtypeSizes() map[string]int {
	return map[string]int{"BOOL": 1, "I8": 1, "U8": 1, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
		"F32": 4, "I32": 4, "U32": 4, "F64": 8, "I64": 8, "U64": 8}
}

// sample is a file with a tensor of every dtype, a scalar, an empty tensor and awkward names and texts.
func sample() *File {
	f := &File{Metadata: map[string]string{"step": "30", "": "empty key", "note": "zeile\n\"ü\" <&>"}}
	add := func(name, dtype string, bytesPerValue int, shape ...int) {
		size := bytesPerValue
		for _, dim := range shape {
			size *= dim
		}
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(37*i + len(f.Tensors))
		}
		f.Tensors = append(f.Tensors, Tensor{Name: name, DType: dtype, Shape: append([]int{}, shape...), Data: content})
	}
	sizes := dtypeSizes()
	for _, dtype := range slices.Sorted(maps.Keys(sizes)) {
		add("dense_0/"+dtype, dtype, sizes[dtype], 2, 3)
	}
	add("scalar", "F32", 4)
	add("empty", "F32", 4, 3, 0)
	add(`odd "name" ü/`, "U8", 1, 5)
	return f
}

func write(t testing.TB, f *File) []byte {
	t.Helper()
	var buffer bytes.Buffer
	n, err := f.WriteTo(&buffer)
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(buffer.Len()) {
		t.Fatalf("WriteTo says %d bytes and wrote %d", n, buffer.Len())
	}
	return buffer.Bytes()
}

// raw puts a file together from a header's text and a body, without this package.
func raw(header string, body ...byte) []byte {
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), []byte(header), body)
}

// requireEqual compares contents; an empty slice is as good as nil.
func requireEqual(t testing.TB, got, want *File) {
	t.Helper()
	if !maps.Equal(got.Metadata, want.Metadata) {
		t.Fatalf("metadata %q, want %q", got.Metadata, want.Metadata)
	}
	if len(got.Tensors) != len(want.Tensors) {
		t.Fatalf("%d tensors, want %d", len(got.Tensors), len(want.Tensors))
	}
	for _, w := range want.Tensors {
		g, found := got.Tensor(w.Name)
		if !found {
			t.Fatalf("tensor %q is missing", w.Name)
		}
		if g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
			t.Fatalf("tensor %q is %s %v %x, want %s %v %x", w.Name, g.DType, g.Shape, g.Data, w.DType, w.Shape, w.Data)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for name, f := range map[string]*File{"every dtype": sample(), "no tensors": {Metadata: map[string]string{"a": "b"}},
		"nothing": {}} {
		content := write(t, f)
		got, err := Parse(content)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		requireEqual(t, got, f)
		if again := write(t, got); !bytes.Equal(again, content) {
			t.Errorf("%s: writing what was read gives other bytes", name)
		}
	}
	if _, found := sample().Tensor("not there"); found {
		t.Error("Tensor found a name that is not there")
	}
}

// TestFormat reads a written file by the words of the specification, with nothing but encoding/json.
func TestFormat(t *testing.T) {
	f := sample()
	content := write(t, f)
	size := binary.LittleEndian.Uint64(content)
	if size%8 != 0 {
		t.Errorf("header of %d bytes leaves the tensors unaligned", size)
	}
	header, body := content[8:8+size], content[8+size:]
	if header[0] != '{' {
		t.Errorf("header begins with %q, want {", header[0])
	}
	var entries map[string]struct {
		DType       string `json:"dtype"`
		Shape       []int  `json:"shape"`
		DataOffsets []int  `json:"data_offsets"`
	}
	var metadata struct {
		Text map[string]string `json:"__metadata__"`
	}
	if err := json.Unmarshal(header, &metadata); err != nil {
		t.Fatalf("__metadata__ is no map from string to string: %v", err)
	}
	if metadata.Text["step"] != "30" || len(metadata.Text["sha256"]) != 64 {
		t.Errorf("__metadata__ is %q", metadata.Text)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(header, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "__metadata__")
	rest, err := json.Marshal(fields)
	if err == nil {
		err = json.Unmarshal(rest, &entries)
	}
	if err != nil {
		t.Fatal(err)
	}
	covered := 0
	for _, tensor := range f.Tensors {
		e := entries[tensor.Name]
		if e.DType != tensor.DType || !slices.Equal(e.Shape, tensor.Shape) || e.Shape == nil {
			t.Errorf("%q is written as %s %v, want %s %v", tensor.Name, e.DType, e.Shape, tensor.DType, tensor.Shape)
		}
		if len(e.DataOffsets) != 2 || e.DataOffsets[0] != covered {
			t.Fatalf("%q lies at %v, want from %d on, without gaps", tensor.Name, e.DataOffsets, covered)
		}
		if covered = e.DataOffsets[1]; !bytes.Equal(body[e.DataOffsets[0]:covered], tensor.Data) {
			t.Errorf("%q has other bytes at %v", tensor.Name, e.DataOffsets)
		}
	}
	if covered != len(body) {
		t.Errorf("tensors cover %d of %d bytes", covered, len(body))
	}
}

// TestForeignFile reads what another program could write: no checksum, no padding, any order of the entries.
func TestForeignFile(t *testing.T) {
	f, err := Parse(raw(`{"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},`+
		`"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"__metadata__":{"format":"pt"}}`, 0, 0, 128, 63, 7, 8))
	if err != nil {
		t.Fatal(err)
	}
	want := &File{Metadata: map[string]string{"format": "pt"}, Tensors: []Tensor{
		{"a", "F32", []int{}, []byte{0, 0, 128, 63}}, {"b", "U8", []int{2}, []byte{7, 8}}}}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("read %+v, want %+v in the order of their bytes", f, want)
	}
}

func TestDamaged(t *testing.T) {
	const entry = `{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`
	for name, content := range map[string][]byte{
		"empty":                  {},
		"seven bytes":            make([]byte, 7),
		"header longer than all": raw(entry)[:20],
		"giant header":           slices.Repeat([]byte{0xff}, 64),
		"no JSON":                raw("pickle", 1, 2),
		"JSON array":             raw("[]"),
		"metadata of numbers":    raw(`{"__metadata__":{"a":1}}`),
		"body too short":         raw(entry, 1),
		"body too long":          raw(entry, 1, 2, 3),
		"entry of a number":      raw(`{"a":1}`),
		"unknown dtype":          raw(`{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}`, make([]byte, 8)...),
		"no dtype":               raw(`{"a":{"shape":[2],"data_offsets":[0,2]}}`, 1, 2),
		"shape and size differ":  raw(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}}`, 1, 2),
		"negative dimension":     raw(`{"a":{"dtype":"U8","shape":[-1,-2],"data_offsets":[0,2]}}`, 1, 2),
		"overflowing shape":      raw(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`),
		"negative offset":        raw(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[-2,0]}}`, 1, 2),
		"backward offsets":       raw(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}`, 1, 2),
		"overlap": raw(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},`+
			`"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 1, 2, 3),
		"one name twice":     raw(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 1, 2),
		"too many axes":      raw(`{"a":{"dtype":"U8","shape":[2,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,2]}}`, 1, 2),
		"three offsets":      raw(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2,2]}}`, 1, 2),
		"no offsets":         raw(`{"a":{"dtype":"U8","shape":[0]}}`),
		"after the header":   raw(entry+`{}`, 1, 2),
		"half a header":      raw(entry[:len(entry)-1], 1, 2),
		"null":               raw(`null`),
		"empty checksum":     raw(`{"__metadata__":{"sha256":""}}`),
		"header of 9 MB":     raw(`{"__metadata__":{"a":"` + strings.Repeat("x", 9<<20) + `"}}`),
		"70 000 tensors":     raw(manyTensors(70_000)),
		"overflow beyond it": raw(`{"a":{"dtype":"F64","shape":[4294967296,536870912],"data_offsets":[0,0]}}`),
		"gap": raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},`+
			`"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 1, 2, 3),
		"wrong checksum": raw(`{"__metadata__":{"sha256":"00"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 1, 2),
	} {
		f, err := Parse(content)
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: error %v and content %v, want ErrDamaged", name, err, f)
			continue
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error has more than one line: %q", name, err)
		}
	}
}

// manyTensors is a header of n empty tensors.
func manyTensors(n int) string {
	var header strings.Builder
	for i := range n {
		fmt.Fprintf(&header, `%c"t%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, "{,"[min(i, 1)], i)
	}
	return header.String() + "}"
}

// TestTruncated cuts a file at every length.
func TestTruncated(t *testing.T) {
	content := write(t, sample())
	for n := range content {
		if _, err := Parse(content[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("a file of %d bytes cut to %d: error %v, want ErrDamaged", len(content), n, err)
		}
	}
}

// TestFlippedBodyBit flips every bit of the tensors' bytes.
func TestFlippedBodyBit(t *testing.T) {
	content := write(t, sample())
	for bit := 8 * (8 + int(binary.LittleEndian.Uint64(content))); bit < 8*len(content); bit++ {
		content[bit/8] ^= 1 << (bit % 8)
		if _, err := Parse(content); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d of byte %d of %d flipped: error %v, want ErrDamaged", bit%8, bit/8, len(content), err)
		}
		content[bit/8] ^= 1 << (bit % 8)
	}
}

// TestDefectFlippedHeaderBit flips every bit of the length and the header: names, shapes, metadata such as the step.
func TestDefectFlippedHeaderBit(t *testing.T) {
	content := write(t, sample())
	header := 8 + int(binary.LittleEndian.Uint64(content))
	var missed []string
	for bit := range 8 * header {
		content[bit/8] ^= 1 << (bit % 8)
		if _, err := Parse(content); !errors.Is(err, ErrDamaged) {
			missed = append(missed, fmt.Sprintf("…%s… (%v)", content[max(8, bit/8-8):min(header, bit/8+9)], err))
		}
		content[bit/8] ^= 1 << (bit % 8)
	}
	if len(missed) > 0 {
		t.Errorf("%d of %d flipped bits of the length and the header go unnoticed; the first in: %s",
			len(missed), 8*header, strings.Join(missed[:min(3, len(missed))], "\n"))
	}
}

func TestWriteRefuses(t *testing.T) {
	one := Tensor{Name: "a", DType: "U8", Shape: []int{1}, Data: []byte{1}}
	for name, c := range map[string]struct {
		tensors []Tensor
		want    string
	}{
		"wrong size":     {[]Tensor{{"a", "F32", []int{2}, make([]byte, 4)}}, `tensor "a" (F32 [2]) has 4 bytes`},
		"unknown dtype":  {[]Tensor{{"a", "C64", []int{1}, make([]byte, 8)}}, `tensor "a" (C64 [1]) has 8 bytes`},
		"one name twice": {[]Tensor{one, one}, `tensor name "a" is taken`},
		"metadata":       {[]Tensor{{"__metadata__", "U8", []int{1}, []byte{1}}}, `tensor name "__metadata__" is taken`},
	} {
		var buffer bytes.Buffer
		_, err := (&File{Tensors: c.tensors}).WriteTo(&buffer)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
		if buffer.Len() > 0 {
			t.Errorf("%s: %d bytes were written before the error", name, buffer.Len())
		}
	}
}

// limited is a writer that fails once it has taken n bytes.
type limited struct{ n int }

var errLimit = errors.New("no more room")

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.n {
		return l.n, errLimit
	}
	l.n -= len(p)
	return len(p), nil
}

func TestWriteReportsError(t *testing.T) {
	f := sample()
	size := len(write(t, f))
	for room := range size {
		if n, err := f.WriteTo(&limited{room}); !errors.Is(err, errLimit) || n > int64(room) {
			t.Fatalf("with room for %d of %d bytes WriteTo wrote %d, error %v", room, size, n, err)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "weights.safetensors")
	first, second := sample(), &File{Metadata: map[string]string{"step": "31"}, Tensors: sample().Tensors[:2]}
	for _, f := range []*File{first, second} {
		if err := f.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		requireEqual(t, got, f)
	}
	// What cannot be written leaves the file as it was and nothing beside it.
	if err := (&File{Tensors: []Tensor{{"a", "F32", nil, nil}}}).Save(path); err == nil ||
		!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "earlier files are untouched") {
		t.Errorf("saving a wrong tensor: error %v, want one that names %s", err, path)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	requireEqual(t, got, second)
	requireAlone(t, path)
}

// TestSaveOverFolder fails at the last moment, the rename.
func TestSaveOverFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "taken")
	if err := os.MkdirAll(filepath.Join(path, "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := sample().Save(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("saving over a folder: error %v, want one that names %s", err, path)
	}
	requireAlone(t, path)
}

// requireAlone fails if the folder of path holds anything else, such as a temporary file.
func requireAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() != filepath.Base(path) {
			t.Errorf("%s was left behind", entry.Name())
		}
	}
}

func TestMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no folder", "weights.safetensors")
	if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrDamaged) {
		t.Errorf("loading a missing file: error %v, want fs.ErrNotExist", err)
	}
	if err := sample().Save(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("saving into a missing folder: error %v, want fs.ErrNotExist", err)
	}
}

func TestLoadNamesDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	if err := os.WriteFile(path, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want ErrDamaged with the path", err)
	}
}

// FuzzParse wants an error or a file that survives being written and read again, and the same of the content as a file.
func FuzzParse(f *testing.F) {
	f.Add(write(f, sample()))
	f.Add(write(f, &File{}))
	f.Add(raw(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 1, 2))
	f.Add(raw(`{"a":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]},"__metadata__":{"format":"pt"}}`))
	f.Add(raw(`{"a":null}`))
	f.Add(raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1))
	f.Add(raw(`{"a":{"dtype":"F64","shape":[4294967296,536870912],"data_offsets":[0,0]}}`))
	f.Add(raw(`{"__metadata__":{"sha256":"","shb256":"` + noSum + `"}} {}`))
	f.Add(raw(`null`))
	f.Add(slices.Repeat([]byte{0xff}, 16))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := Parse(content)
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, errLoad := Load(path)
		errVerify := verify(path)
		if err != nil {
			for _, err := range []error{err, errLoad, errVerify} {
				if !errors.Is(err, ErrDamaged) {
					t.Fatalf("error %v, want ErrDamaged", err)
				}
			}
			return
		}
		if errLoad != nil || errVerify != nil {
			t.Fatalf("Parse accepts what Load (%v) or Verify (%v) refuses", errLoad, errVerify)
		}
		requireEqual(t, loaded, file)
		again, err := Parse(write(t, file))
		if err != nil {
			t.Fatalf("what was read and written cannot be read: %v", err)
		}
		requireEqual(t, again, file)
	})
}
