package data

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// unpacked is where a gzipped file's content is kept in the user's cache folder: unpacking the images of MNIST takes a third
// of a second, reading them a twentieth. Whoever reads it knows its SHA-256, so a copy that is cut or spoilt is none, and one of
// another file, or of this one before it was changed, is not looked at. It may be removed at any time.
type unpacked struct {
	path   string // "" where there is no cache folder
	origin []byte // tells the gzipped file
}

const unpackedForm = "gantry unpacked 1\n" // what a copy begins with; then come its origin and the content

// unpackedOf returns where the content of an open file is kept that has the given SHA-256, unpacked.
func unpackedOf(packed *os.File, sum string) unpacked {
	info, err := packed.Stat()
	if err != nil {
		return unpacked{}
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return unpacked{}
	}
	origin := sha256.Sum256(fmt.Append(nil, packed.Name(), "\n", info.Size(), info.ModTime().UnixNano()))
	return unpacked{filepath.Join(dir, "gantry", "data", sum+".idx"), origin[:]}
}

// read returns the content of at most so many bytes, or nil where there is no copy of this origin.
func (u unpacked) read(most int64) []byte {
	if u.path == "" {
		return nil
	}
	file, err := openFile(u.path)
	if err != nil {
		return nil
	}
	defer file.Close()
	head := append([]byte(unpackedForm), u.origin...)
	info, err := file.Stat()
	if err != nil || info.Size() <= int64(len(head)) || info.Size() > int64(len(head))+most {
		return nil
	}
	content := make([]byte, info.Size())
	if _, err := io.ReadFull(file, content); err != nil || !bytes.HasPrefix(content, head) {
		return nil
	}
	return content[len(head):]
}

// keep writes the content, whole or not at all. Where it cannot be kept it is unpacked each time.
func (u unpacked) keep(content []byte) {
	if u.path == "" || os.MkdirAll(filepath.Dir(u.path), 0o700) != nil {
		return
	}
	temp, err := os.CreateTemp(filepath.Dir(u.path), ".unpacked-*")
	if err != nil {
		return
	}
	defer os.Remove(temp.Name()) // gone after the rename
	for _, part := range [][]byte{[]byte(unpackedForm), u.origin, content} {
		if _, err := temp.Write(part); err != nil {
			temp.Close()
			return
		}
	}
	if temp.Close() == nil {
		os.Rename(temp.Name(), u.path)
	}
}
