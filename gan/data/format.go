package data

import (
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
)

// format is one that pictures come in. The formats that other packages register with package image are none of them.
type format struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	memory func(io.Reader, image.Config) (int, error) // the bytes that the whole picture takes in memory while it is decoded
}

// formatOf looks at the first bytes, and goes back before them.
func formatOf(r io.ReadSeeker) (format, error) {
	var magic [8]byte
	n, err := io.ReadFull(r, magic[:])
	if err != nil && err != io.ErrUnexpectedEOF {
		return format{}, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return format{}, err
	}
	switch {
	case string(magic[:n]) == "\x89PNG\r\n\x1a\n":
		return format{png.DecodeConfig, png.Decode, pngMemory}, nil
	case n > 1 && magic[0] == 0xff && magic[1] == 0xd8:
		return format{jpeg.DecodeConfig, decodeJPEG, jpegMemory}, nil
	}
	return format{}, fmt.Errorf("it begins with % x", magic[:n])
}

// pngMemory counts a PNG picture as package png keeps it.
func pngMemory(r io.Reader, config image.Config) (int, error) {
	var header [29]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, err
	}
	size := config.Width * config.Height
	switch depth, colour := header[24], header[25]; {
	case depth == 16:
		size *= 8
	case colour != 3: // all but a palette; grey may turn out to be transparent
		size *= 4
	}
	if interlaced := header[28] != 0; interlaced { // each of the passes is a picture of its own
		size *= 2
	}
	return size, nil
}
