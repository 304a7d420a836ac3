package data

import (
	"encoding/binary"
	"fmt"
	"io"
)

// readIDX reads an array of unsigned bytes in LeCun's IDX format: two zero bytes, the type 0x08, the number of
// dimensions, each dimension as a big-endian uint32, then the values. maxBytes bounds what a corrupt header can
// make it allocate.
func readIDX(r io.Reader, maxBytes int) (dims []int, values []byte, err error) {
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
	values = make([]byte, size)
	if _, err := io.ReadFull(r, values); err != nil {
		return nil, nil, fmt.Errorf("IDX array of %v: %w", dims, err)
	}
	return dims, values, nil
}
