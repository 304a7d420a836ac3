package export

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gantry.local/gan/sample"
)

// ErrNPY is wrapped by every error of ReadNPY that means the content is no array of samples.
var ErrNPY = errors.New("no NPY file of samples")

const (
	npyMagic     = "\x93NUMPY"
	npyAlignment = 64
	maxNPYHeader = 1 << 16
	maxNPYValues = 1 << 28 // a gigabyte of float32
)

// WriteNPY writes images, as the networks see them, as a NumPy array, [n, height, width, channels] float32, little endian, row-major.
// numpy.load reads it.
//
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
func WriteNPY(w io.Writer, images sample.Images) error {
	images = images.Seen()
	if want := images.N * images.Height * images.Width * images.Channels; len(images.Values) != want {
		return fmt.Errorf("cannot write %d values as %d samples of %d×%d×%d", len(images.Values), images.N, images.Height,
			images.Width, images.Channels)
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }",
		images.N, images.Height, images.Width, images.Channels)
	const before = len(npyMagic) + 4 // magic, version, length of the header
	unpadded := before + len(header) + 1
	header += strings.Repeat(" ", (npyAlignment-unpadded%npyAlignment)%npyAlignment) + "\n"

	content := append([]byte(npyMagic), 1, 0)
	content = binary.LittleEndian.AppendUint16(content, uint16(len(header)))
	content = append(content, header...)
	for _, v := range images.Values {
		content = binary.LittleEndian.AppendUint32(content, math.Float32bits(v))
	}
	if _, err := w.Write(content); err != nil {
		return fmt.Errorf("cannot write the samples: %w", err)
	}
	return nil
}

// ReadNPY reads an array of float32 with four axes, as WriteNPY and numpy.save write it (format versions 1 to 3, C
// order), of at most 2²⁸ values, all finite. What follows the array is not read. Anything else is ErrNPY.
func ReadNPY(r io.Reader) (sample.Images, error) {
	shape, err := readNPYHeader(r)
	if err != nil {
		return sample.Images{}, err
	}
	size := 1
	for _, dim := range shape {
		if dim == 0 || size > maxNPYValues/dim {
			return sample.Images{}, fmt.Errorf("%w: its shape is %v: want 1 to %d values", ErrNPY, shape, maxNPYValues)
		}
		size *= dim
	}
	// Data grows with what is there, so that a header alone cannot claim memory.
	images := sample.Images{N: shape[0], Height: shape[1], Width: shape[2], Channels: shape[3]}
	block := make([]byte, 1<<16)
	for left := size * 4; left > 0; {
		n, err := io.ReadFull(r, block[:min(left, len(block))])
		for at := 0; at+4 <= n; at += 4 {
			v := math.Float32frombits(binary.LittleEndian.Uint32(block[at:]))
			if v-v != 0 {
				return sample.Images{}, fmt.Errorf("%w: %s is %g: want finite numbers", ErrNPY, place(images), v)
			}
			images.Values = append(images.Values, v)
		}
		if left -= n; err != nil {
			return sample.Images{}, fmt.Errorf("%w: %d bytes of %d: %w", ErrNPY, size*4-left, size*4, err)
		}
	}
	return images, nil
}

// place names the next value that is read into images.
func place(images sample.Images) string {
	i := len(images.Values)
	return fmt.Sprintf("sample %d, row %d, column %d, channel %d", i/(images.Height*images.Width*images.Channels), i/(images.Width*images.Channels)%images.Height,
		i/images.Channels%images.Width, i%images.Channels)
}

// readNPYHeader reads up to the first value and returns the array's shape.
func readNPYHeader(r io.Reader) ([]int, error) {
	head := make([]byte, len(npyMagic)+2)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(npyMagic)]) != npyMagic {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrNPY)
	}
	length := make([]byte, 4)
	if head[len(npyMagic)] == 1 {
		length = length[:2]
	}
	if _, err := io.ReadFull(r, length); err != nil {
		return nil, fmt.Errorf("%w: it ends in its header", ErrNPY)
	}
	size := binary.LittleEndian.Uint32(append(length, 0, 0)[:4])
	if size > maxNPYHeader {
		return nil, fmt.Errorf("%w: a header of %d bytes", ErrNPY, size)
	}
	header := make([]byte, size)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, fmt.Errorf("%w: it ends in its header", ErrNPY)
	}
	fields := npyHeader().FindSubmatch(header)
	if fields == nil {
		return nil, fmt.Errorf("%w: want float32 in C order with four axes, and its header is %.100q", ErrNPY, header)
	}
	shape := make([]int, len(fields)-1)
	for i, digits := range fields[1:] {
		var err error
		if shape[i], err = strconv.Atoi(string(digits)); err != nil {
			return nil, fmt.Errorf("%w: axis of %s", ErrNPY, digits)
		}
	}
	return shape, nil
}

// npyHeader is the header as NumPy writes it: a Python dictionary with its keys sorted.
func npyHeader() *regexp.Regexp {
	return regexp.MustCompile(
		`^\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+), (\d+), (\d+)\),? *\} *\n?$`)
}
