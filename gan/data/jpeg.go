package data

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
)

// jpegMemory counts a JPEG picture as package jpeg keeps it: planes of whole blocks, with all of their coefficients where
// it is progressive, and once more in the end, since it may have another colour model.
func jpegMemory(r io.Reader, config image.Config) (int, error) {
	frame, progressive, err := jpegFrame(r)
	if err != nil {
		return 0, err
	}
	components := int(frame[5])
	if components == 0 || len(frame) < 6+3*components {
		return 0, errors.New("a short header")
	}
	across, down := 1, 1 // the most blocks of a component in a unit
	for i := range components {
		sampling := int(frame[7+3*i])
		across, down = max(across, sampling>>4), max(down, sampling&15)
	}
	units := (config.Width + 8*across - 1) / (8 * across) * ((config.Height + 8*down - 1) / (8 * down))
	size := 0
	for i := range components {
		sampling := int(frame[7+3*i])
		size += units * (sampling >> 4) * (sampling & 15) * 64
	}
	if first := int(frame[7]); first != across<<4|down { // brought to the size of the largest
		size = units * components * across * down * 64
	}
	if progressive {
		size += 4 * size
	}
	if components > 1 {
		size += 4 * config.Width * config.Height
	}
	return size, nil
}

// jpegFrame finds the header of a JPEG picture's frame: precision, height, width, and three bytes for each component.
func jpegFrame(r io.Reader) (frame []byte, progressive bool, err error) {
	const startOfFrame, ofProgressive = 0xc0, 0xc2
	in := bufio.NewReader(r)
	if _, err = in.Discard(2); err != nil {
		return nil, false, err
	}
	for {
		// As package jpeg does: what is no marker is passed over.
		var marker byte
		for last := byte(0); last != 0xff || marker == 0 || marker == 0xff; {
			last = marker
			if marker, err = in.ReadByte(); err != nil {
				return nil, false, err
			}
		}
		if marker >= 0xd0 && marker <= 0xd7 { // restarts have no length
			continue
		}
		var length [2]byte
		if _, err = io.ReadFull(in, length[:]); err != nil {
			return nil, false, err
		}
		size := int(binary.BigEndian.Uint16(length[:])) - 2
		switch {
		case size < 0:
			return nil, false, errors.New("a short segment")
		case marker >= startOfFrame && marker <= ofProgressive:
			if size < 6 {
				return nil, false, errors.New("a short header")
			}
			frame = make([]byte, size)
			_, err = io.ReadFull(in, frame)
			return frame, marker == ofProgressive, err
		}
		if _, err = in.Discard(size); err != nil {
			return nil, false, err
		}
	}
}

// decodeJPEG decodes a picture of at most maxScans scans, each of which may go over all of it in a few bytes.
func decodeJPEG(r io.Reader) (image.Image, error) { return jpeg.Decode(&scanCounter{r: r}) }

// scanCounter reads on until it has seen too many beginnings of a scan.
type scanCounter struct {
	r     io.Reader
	last  byte
	scans int
}

// Read implements io.Reader.
func (c *scanCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	const marker, scan = 0xff, 0xda
	if n > 0 {
		if c.last == marker && p[0] == scan {
			c.scans++
		}
		c.scans += bytes.Count(p[:n], []byte{marker, scan})
		c.last = p[n-1]
	}
	if c.scans > maxScans {
		return 0, fmt.Errorf("a JPEG of more than %d scans: save it anew", maxScans)
	}
	return n, err
}
