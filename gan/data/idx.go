package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// readIDX reads an array of unsigned bytes in LeCun's IDX format: two zero bytes, the type 0x08, the number of
// dimensions, each dimension as a big-endian uint32, then the values, which stay part of content. There are at most maxBytes.
func readIDX(content []byte, maxBytes int) (dims []int, values []byte, err error) {
	r := bytes.NewReader(content)
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, nil, fmt.Errorf("IDX header: %w", err)
	}
	if magic[0] != 0 || magic[1] != 0 || magic[2] != 0x08 || magic[3] == 0 || magic[3] > 4 {
		return nil, nil, fmt.Errorf("not an IDX array of bytes: it starts with % x", magic)
	}
	size := 1
	for range magic[3] {
		var dim uint32
		if err := binary.Read(r, binary.BigEndian, &dim); err != nil {
			return nil, nil, fmt.Errorf("IDX header: %w", err)
		}
		if dim == 0 || int64(dim) > int64(maxBytes/size) {
			return nil, nil, fmt.Errorf("IDX dimension %d is out of range", dim)
		}
		dims = append(dims, int(dim))
		size *= int(dim)
	}
	switch begin := len(content) - r.Len(); {
	case r.Len() == 0:
		return nil, nil, fmt.Errorf("IDX array of %v: %w", dims, io.EOF)
	case r.Len() < size:
		return nil, nil, fmt.Errorf("IDX array of %v: %w", dims, io.ErrUnexpectedEOF)
	default:
		return dims, content[begin : begin+size : begin+size], nil
	}
}
