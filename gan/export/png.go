package export

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"

	"gantry.local/gan/sample"
)

// gap is the width in pixels of the lines between the pictures of a contact sheet.
const gap = 1

// WritePNG draws pictures in [-1, 1], or of Pixels, of one channel (grey) or three (red, green, blue), as a contact sheet, row by row in
// the given number of columns. Values beyond the range are cut off.
func WritePNG(w io.Writer, images sample.Images, columns int) error {
	images = images.Seen()
	switch {
	case columns <= 0:
		return fmt.Errorf("cannot draw %d columns: want at least 1", columns)
	case images.Channels != 1 && images.Channels != 3:
		return fmt.Errorf("cannot draw pictures of %d channels: want 1 or 3", images.Channels)
	case images.N <= 0 || len(images.Values) != images.N*images.Height*images.Width*images.Channels:
		return fmt.Errorf("cannot draw %d values as %d pictures of %d×%d×%d", len(images.Values), images.N, images.Height,
			images.Width, images.Channels)
	}
	columns = min(columns, images.N)
	rows := (images.N + columns - 1) / columns
	sheet := image.NewRGBA(image.Rect(0, 0, columns*(images.Width+gap)-gap, rows*(images.Height+gap)-gap))
	for i := range sheet.Pix {
		sheet.Pix[i] = 0xff
	}
	for i := range images.N {
		left, top := i%columns*(images.Width+gap), i/columns*(images.Height+gap)
		for pixel := range images.Height * images.Width {
			values := images.Values[(i*images.Height*images.Width+pixel)*images.Channels:]
			rgb := color.RGBA{level(values[0]), level(values[images.Channels/2]), level(values[images.Channels-1]), 0xff}
			sheet.SetRGBA(left+pixel%images.Width, top+pixel/images.Width, rgb)
		}
	}
	if err := png.Encode(w, sheet); err != nil {
		return fmt.Errorf("cannot draw the pictures: %w", err)
	}
	return nil
}

// level is a value in [-1, 1] as a byte; what is not a number is black.
func level(v float32) uint8 {
	if v != v {
		return 0
	}
	return uint8(math.Round(127.5 * (max(-1, min(1, float64(v))) + 1)))
}
