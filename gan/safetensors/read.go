package safetensors

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"unicode/utf8"
)

// Reader is an open file of which the header was read. What the header says is not verified yet: Read and Verify do that.
type Reader struct {
	Metadata map[string]string
	Tensors  []Tensor // in the order of their bytes, without Data
	Checked  bool     // whether the file has a checksum; those of other programs have none

	path   string
	file   *os.File
	header []byte
	sum    string // that the header gives
	body   int    // bytes after the header
}

// Open opens the file at path and reads its header. Anything but a file is refused at once, as is one that is larger than
// the limits, or of another length than its header says.
func Open(path string) (r *Reader, err error) {
	info, err := os.Stat(path)
	if err != nil {
		if _, there := os.Lstat(path); errors.Is(err, fs.ErrNotExist) && there == nil {
			return nil, fmt.Errorf("%s: %w: it is a link to nothing", path, ErrDamaged)
		}
		return nil, err
	}
	if !info.Mode().IsRegular() { // before it is opened: a pipe would wait for its other end
		return nil, fmt.Errorf("%s: %w: it is no file but a %s", path, ErrDamaged, kind(info.Mode()))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	r = &Reader{path: path, file: file}
	if err := r.readHeader(file, info.Size()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, asDamage(err))
	}
	return r, nil
}

// kind names what a path is that is no file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}

// asDamage makes ErrDamaged of what a file's content, or the disk below it, is to blame for.
func asDamage(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too early", ErrDamaged)
	}
	if errors.Is(err, syscall.EIO) {
		return fmt.Errorf("%w: the disk cannot read it: %w", ErrDamaged, err)
	}
	return err
}

func (r *Reader) readHeader(from io.Reader, size int64) error {
	if size < 8 {
		return fmt.Errorf("%w: %d bytes are no safetensors file", ErrDamaged, size)
	}
	if size > MaxFile {
		return fmt.Errorf("%w: it has %d bytes, more than the %d (4 GiB) that are read", ErrDamaged, size, int64(MaxFile))
	}
	var length [8]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > MaxHeader || n > uint64(size-8) {
		return fmt.Errorf("%w: header of %d bytes in a file of %d; at most %d are read", ErrDamaged, n, size, MaxHeader)
	}
	r.header, r.body = make([]byte, n), int(size-8)-int(n)
	if _, err := io.ReadFull(from, r.header); err != nil {
		return err
	}
	return r.parseHeader()
}

// parseHeader reads the header's JSON, entry by entry, so that its limits hold before there is anything of their size.
func (r *Reader) parseHeader() error {
	decoder := json.NewDecoder(bytes.NewReader(r.header))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return fmt.Errorf("%w: its header is no JSON object", ErrDamaged)
	}
	var offsets [][]int
	names := map[string]bool{}
	r.Metadata = map[string]string{}
	for decoder.More() {
		key, err := decoder.Token()
		name, isText := key.(string)
		if err != nil || !isText {
			return fmt.Errorf("%w: its header is no JSON object", ErrDamaged)
		}
		if names[name] {
			return fmt.Errorf("%w: its header names %q twice", ErrDamaged, name)
		}
		names[name] = true
		if name == metadataKey {
			if err := decoder.Decode(&r.Metadata); err != nil {
				return fmt.Errorf("%w: metadata: %w", ErrDamaged, err)
			}
			continue
		}
		if len(r.Tensors) == MaxTensors {
			return fmt.Errorf("%w: it has more than %d tensors", ErrDamaged, MaxTensors)
		}
		var e entry
		if err := decoder.Decode(&e); err != nil {
			return fmt.Errorf("%w: tensor %q: %w", ErrDamaged, name, err)
		}
		want, err := byteSize(e.DType, e.Shape)
		if err != nil || len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > r.body ||
			e.Offsets[1]-e.Offsets[0] != want {
			return fmt.Errorf("%w: tensor %q (%s %v) at bytes %v of %d", ErrDamaged, name, e.DType, firstOf(e.Shape),
				firstOf(e.Offsets), r.body)
		}
		r.Tensors, offsets = append(r.Tensors, Tensor{Name: name, DType: e.DType, Shape: e.Shape}), append(offsets, e.Offsets)
	}
	if _, err := decoder.Token(); err != nil {
		return fmt.Errorf("%w: its header is no JSON object", ErrDamaged)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: its header goes on after its end", ErrDamaged)
	}
	if err := r.takeSum(); err != nil {
		return err
	}
	return r.order(offsets)
}

// firstOf is what an error shows of a list from outside.
func firstOf(list []int) []int { return list[:min(len(list), maxRank)] }

// takeSum takes the checksum out of the metadata.
func (r *Reader) takeSum() error {
	for key, value := range r.Metadata {
		if key != sumKey && utf8.RuneCountInString(key) == len(sumKey) && len(value) == len(noSum) {
			return fmt.Errorf("%w: the name of its checksum is %q", ErrDamaged, key)
		}
	}
	sum, found := r.Metadata[sumKey]
	if found && len(sum) != len(noSum) {
		return fmt.Errorf("%w: its checksum is wrong", ErrDamaged)
	}
	r.sum, r.Checked = sum, found
	delete(r.Metadata, sumKey)
	return nil
}

// order sorts the tensors by their bytes, which must cover the file without gaps and overlaps.
func (r *Reader) order(offsets [][]int) error {
	places := make([]int, len(offsets))
	for i := range places {
		places[i] = i
	}
	slices.SortFunc(places, func(a, b int) int {
		return cmp.Or(cmp.Compare(offsets[a][0], offsets[b][0]), cmp.Compare(offsets[a][1], offsets[b][1]))
	})
	ordered, covered := make([]Tensor, 0, len(places)), 0
	for _, i := range places {
		if offsets[i][0] != covered {
			return fmt.Errorf("%w: tensor %q leaves a gap or overlaps", ErrDamaged, r.Tensors[i].Name)
		}
		covered = offsets[i][1]
		ordered = append(ordered, r.Tensors[i])
	}
	if covered != r.body {
		return fmt.Errorf("%w: %d bytes belong to no tensor", ErrDamaged, r.body-covered)
	}
	r.Tensors = ordered
	return nil
}

// Read reads and verifies the tensors. Files without a checksum (written by other programs) are accepted.
func (r *Reader) Read() (*File, error) {
	f := &File{Metadata: r.Metadata, Tensors: slices.Clone(r.Tensors)}
	content := make([]byte, r.body)
	if err := r.scan(content, nil); err != nil {
		return nil, err
	}
	f.share(content)
	return f, nil
}

// share hands out the bytes of all tensors, in their order.
func (f *File) share(content []byte) {
	for i := range f.Tensors {
		t := &f.Tensors[i]
		size, _ := byteSize(t.DType, t.Shape) // it was looked at before
		t.Data, content = content[:size:size], content[size:]
	}
}

// Verify reads the file through without keeping it. The error is ErrDamaged where the checksum is wrong, and ErrNotFinite
// where a number is.
func (r *Reader) Verify() error {
	var found error
	err := r.scan(nil, func(t Tensor, at int, part []byte) {
		if i := firstNotFinite(t.DType, part); i >= 0 && found == nil {
			found = fmt.Errorf("%s: %w", r.path, notFinite(t, i+at/itemSize(t.DType)))
		}
	})
	return cmp.Or(err, found)
}

// scanPart is how many bytes are held at once by who only looks at a file, a multiple of any value's size.
const scanPart = 1 << 20

// scan reads all tensors, into `into` where that is not nil, and compares the checksum. look sees each tensor's parts,
// which begin at its byte `at`.
func (r *Reader) scan(into []byte, look func(t Tensor, at int, part []byte)) error {
	from := io.NewSectionReader(r.file, int64(8+len(r.header)), int64(r.body))
	buffered := bufio.NewReaderSize(from, scanPart)
	sum := sha256.New()
	sum.Write(withSum(r.header, r.sum, noSum))
	scratch := make([]byte, min(scanPart, r.body))
	for _, t := range r.Tensors {
		size, _ := byteSize(t.DType, t.Shape) // it was looked at before
		for at := 0; at < size; {
			part := scratch[:min(scanPart, size-at)]
			if into != nil {
				part, into = into[:len(part)], into[len(part):]
			}
			if _, err := io.ReadFull(buffered, part); err != nil {
				return fmt.Errorf("%s: %w", r.path, asDamage(err))
			}
			sum.Write(part)
			if look != nil {
				look(t, at, part)
			}
			at += len(part)
		}
	}
	if r.Checked && r.sum != hex.EncodeToString(sum.Sum(nil)) {
		return fmt.Errorf("%s: %w: its checksum is wrong", r.path, ErrDamaged)
	}
	return nil
}

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }

// Load reads and verifies the file at path.
func Load(path string) (*File, error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Read()
}

// Parse reads a file's content. Tensors share its memory. Files without a checksum (written by other programs) are
// accepted; a wrong checksum, a header that does not fit the content, gaps and overlaps are ErrDamaged.
func Parse(content []byte) (*File, error) {
	r := &Reader{}
	if err := r.readHeader(bytes.NewReader(content), int64(len(content))); err != nil {
		return nil, err
	}
	body := content[8+len(r.header):]
	if r.Checked && r.sum != sumOf(withSum(r.header, r.sum, noSum), body) {
		return nil, fmt.Errorf("%w: its checksum is wrong", ErrDamaged)
	}
	f := &File{Metadata: r.Metadata, Tensors: r.Tensors}
	f.share(body)
	return f, nil
}
