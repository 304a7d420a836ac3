package data

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"sync"

	"golang.org/x/image/draw"
)

// room is memory that pictures take while they are read. One that finds too little waits for the others.
type room struct {
	mu    sync.Mutex
	given sync.Cond
	left  int
}

func newRoom(bytes int) *room {
	r := &room{left: bytes}
	r.given.L = &r.mu
	return r
}

func (r *room) take(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.left < bytes {
		r.given.Wait()
	}
	r.left -= bytes
}

func (r *room) give(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left += bytes
	r.given.Broadcast()
}

// readPicture decodes a PNG or JPEG picture of at most so many pixels into a sample, as soon as there is room for it.
func readPicture(r io.ReadSeeker, sample []byte, options FolderOptions, most int, room *room) error {
	var config image.Config
	format, err := formatOf(r)
	if err == nil {
		config, err = format.config(r)
	}
	if err != nil {
		return fmt.Errorf("not a PNG or JPEG picture: %w", err)
	}
	if min(config.Width, config.Height) < 1 || max(config.Width, config.Height) > maxSide ||
		config.Width*config.Height > most {
		return fmt.Errorf("a picture of %d×%d pixels: sides are 1 to %d and pixels at most %d; make it smaller",
			config.Height, config.Width, maxSide, most)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	need, err := format.memory(r, config)
	if err != nil {
		return fmt.Errorf("damaged picture: %w", err)
	}
	// The filter goes over the rows first, and keeps what it has of them as four float64.
	need += 32 * options.Width * cropped(image.Rect(0, 0, config.Width, config.Height), options).Dy()
	if need > maxDecoding {
		return fmt.Errorf("a picture of %d×%d pixels that takes %d MB to read: at most %d; make it smaller, or save it as plain PNG",
			config.Height, config.Width, need>>20, maxDecoding>>20)
	}
	room.take(need)
	defer room.give(need)
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	picture, err := format.decode(r)
	if err != nil {
		return fmt.Errorf("damaged picture: %w", err)
	}
	resize(picture, sample, options)
	return nil
}

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

// resize writes the part of the picture that options ask for into sample.
func resize(picture image.Image, sample []byte, options FolderOptions) {
	target := image.NewRGBA(image.Rect(0, 0, options.Width, options.Height))
	draw.Draw(target, target.Bounds(), image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(target, target.Bounds(), picture, cropped(picture.Bounds(), options), draw.Over, nil)
	for i := range options.Width * options.Height {
		rgb := target.Pix[4*i:][:3]
		if options.Gray {
			sample[i] = color.GrayModel.Convert(color.RGBA{rgb[0], rgb[1], rgb[2], 255}).(color.Gray).Y
			continue
		}
		copy(sample[3*i:], rgb)
	}
}

// cropped returns the part of a picture that is kept, around its centre.
func cropped(bounds image.Rectangle, options FolderOptions) image.Rectangle {
	width, height := bounds.Dx(), bounds.Dy()
	switch {
	case options.Stretch:
		return bounds
	case options.Crop > 0:
		width, height = min(width, options.Crop), min(height, options.Crop)
	}
	if width*options.Height > height*options.Width {
		width = max(1, height*options.Width/options.Height)
	} else {
		height = max(1, width*options.Height/options.Width)
	}
	corner := bounds.Min.Add(image.Pt((bounds.Dx()-width)/2, (bounds.Dy()-height)/2))
	return image.Rectangle{Min: corner, Max: corner.Add(image.Pt(width, height))}
}
