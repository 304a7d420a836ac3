package store

import (
	"errors"
	"hash/crc32"
	"io"
	"os"
	"strconv"
)

// ErrDamaged is the error for a file that is not as it was written: cut, longer, or with other bytes.
var ErrDamaged = errors.New("damaged")

// Sum is the checksum of this package's files.
func Sum(b []byte) uint32 { return SumOn(0, b) }

// SumOn is Sum of all that came before, whose sum is given, and of b.
func SumOn(sum uint32, b []byte) uint32 {
	return crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), b)
}

// mostOfFile bounds a file that is read into memory, in bytes.
const mostOfFile = 1 << 40

// Path is where a file of a folder lies.
func Path(dir, name string) string { return dir + "/" + name }

// Write writes a file that nothing refers to yet, in the parts given, and closes it to others.
func Write(dir, name string, parts ...[]byte) error {
	f, err := os.OpenFile(Path(dir, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if _, err = f.Write(part); err != nil {
			break
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(Path(dir, name)) // it is in the way of nothing, but takes room that may be what is missing
	}
	return err
}

// Read reads a file whose size in bytes and checksum are known. The error is ErrDamaged where it is not that file.
func Read(dir, name string, size int64, sum uint32) ([]byte, error) {
	b, err := readAll(dir, name)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != size {
		return nil, Damaged(name, "it has "+strconv.Itoa(len(b))+" bytes, not "+strconv.FormatInt(size, 10))
	}
	if Sum(b) != sum {
		return nil, Damaged(name, "its checksum is another one")
	}
	return b, nil
}

// readAll does what os.ReadFile does without the parts of os and time that a fs.FileInfo makes the linker keep: this is in
// each cell's program.
func readAll(dir, name string) ([]byte, error) {
	f, err := os.Open(Path(dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := Size(f)
	if err != nil {
		return nil, err
	}
	if size > mostOfFile {
		return nil, Damaged(name, "it is larger than any that is written")
	}
	b := make([]byte, size)
	_, err = io.ReadFull(f, b)
	return b, err
}

// Size is how many bytes an open file has. It is read from its beginning afterwards.
func Size(f *os.File) (int64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	return size, err
}

// Damaged is an error of ErrDamaged that says of a file what is wrong with it.
func Damaged(name, how string) error { return &damage{name: name, how: how} }

type damage struct{ name, how string }

// Error implements error.
func (d *damage) Error() string {
	return "the file " + d.name + " of the kept values is damaged: " + d.how
}

// Is tells that it is ErrDamaged.
func (d *damage) Is(target error) bool { return target == ErrDamaged }
