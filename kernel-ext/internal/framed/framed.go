// Package framed reads and writes what is said over the project's own sockets: parts of known length behind their lengths,
// which are 32 bits each, big-endian, and all in front. Who announces a length is not trusted.
package framed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrTooLong is the error for a part that is longer than it may be.
var ErrTooLong = errors.New("too long")

const lengthSize = 4

// Append appends a frame to b. Parts have less than 4 GiB.
func Append(b []byte, parts ...[]byte) []byte {
	for _, part := range parts {
		if len(part) > math.MaxUint32 {
			panic("framed: a part of 4 GiB")
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
	}
	for _, part := range parts {
		b = append(b, part...)
	}
	return b
}

// Write writes a frame in one piece.
func Write(w io.Writer, parts ...[]byte) error {
	size := 0
	for _, part := range parts {
		size += lengthSize + len(part)
	}
	_, err := w.Write(Append(make([]byte, 0, size), parts...))
	return err
}

// Read reads a frame of as many parts as there are limits, which are in bytes. It is io.EOF where the sender has ended
// before it, and ErrTooLong where a part goes beyond its limit.
func Read(r io.Reader, most ...int) ([][]byte, error) {
	lengths := make([]byte, lengthSize*len(most))
	if _, err := io.ReadFull(r, lengths); err != nil {
		return nil, err
	}
	parts := make([][]byte, len(most))
	for i, most := range most {
		if n := binary.BigEndian.Uint32(lengths[lengthSize*i:]); uint64(n) > uint64(most) {
			return nil, fmt.Errorf("a part of %d bytes is %w: %d are the most", n, ErrTooLong, most)
		}
	}
	for i := range parts {
		var err error
		if parts[i], err = Take(r, int(binary.BigEndian.Uint32(lengths[lengthSize*i:]))); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// Take reads n bytes. Memory is taken for bytes that are there, not for those that are promised.
func Take(r io.Reader, n int) ([]byte, error) {
	const trusted = 1 << 20 // taken at once
	part := make([]byte, min(n, trusted))
	for read := 0; ; part = append(part, make([]byte, min(n-read, read))...) {
		if _, err := io.ReadFull(r, part[read:]); err != nil {
			if errors.Is(err, io.EOF) && n > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if read = len(part); read == n {
			return part, nil
		}
	}
}
