package show

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"gantry.local/gan/sample"
)

// GridOptions say how a grid is laid out. The zero value is 10 columns at double size.
type GridOptions struct {
	Columns int // pictures in a row; 0: 10, or N if there are fewer
	Scale   int // pixels to the side of one value; 0: 2
}

const (
	gap       = 2        // pixels between and around the pictures of a grid
	maxPixels = 64 << 20 // of one picture; a browser gives up not far above
)

// GridImage draws images row by row: pictures of one channel (grey) or three (RGB), in [-1, 1] or as Pixels. Values outside [-1, 1] are clipped; NaN, which no picture should hold, is magenta.
// It fails when the dimensions do not describe the values, an option is negative, or the picture is over 64 Mi pixels.
func GridImage(images sample.Images, o GridOptions) (image.Image, error) {
	images, err := pictures(images)
	if err != nil {
		return nil, err
	}
	if o.Columns < 0 || o.Scale < 0 {
		return nil, fmt.Errorf("show: grid of %d columns at scale %d", o.Columns, o.Scale)
	}
	if o.Columns == 0 {
		o.Columns = 10
	}
	if o.Scale == 0 {
		o.Scale = 2
	}
	columns := min(o.Columns, images.N)
	rows := (images.N + columns - 1) / columns
	w, h := side(images.Width, columns, o.Scale), side(images.Height, rows, o.Scale)
	if w*h > maxPixels { // in float64, which cannot overflow
		return nil, fmt.Errorf("show: a grid of %.0f×%.0f pixels is too large", w, h)
	}
	canvas := image.NewRGBA(image.Rect(0, 0, int(w), int(h)))
	draw.Draw(canvas, canvas.Bounds(), image.NewUniform(gapColour()), image.Point{}, draw.Src)
	for i := range images.N {
		x := gap + i%columns*(images.Width*o.Scale+gap)
		y := gap + i/columns*(images.Height*o.Scale+gap)
		drawOne(canvas, images, i, image.Pt(x, y), o.Scale)
	}
	return canvas, nil
}

// side is the length in pixels of n pictures of size values in a line.
func side(size, n, scale int) float64 {
	return gap + float64(n)*(float64(size)*float64(scale)+gap)
}

func gapColour() color.RGBA { return color.RGBA{0xd9, 0xd9, 0xd9, 0xff} }

// drawOne draws picture i with its top left corner at p.
func drawOne(canvas *image.RGBA, m sample.Images, i int, p image.Point, scale int) {
	values := m.Values[i*m.Height*m.Width*m.Channels:]
	for y := range m.Height {
		start := canvas.PixOffset(p.X, p.Y+y*scale)
		line := canvas.Pix[start : start+4*m.Width*scale]
		for x := range m.Width {
			pixel := rgba(values[(y*m.Width+x)*m.Channels:][:m.Channels])
			for k := range scale {
				copy(line[4*(x*scale+k):], pixel[:])
			}
		}
		for k := 1; k < scale; k++ {
			copy(canvas.Pix[canvas.PixOffset(p.X, p.Y+y*scale+k):], line)
		}
	}
}

// rgba is the colour of one value of each channel.
func rgba(values []float32) [4]byte {
	var level [3]byte
	for c, v := range values {
		if v != v {
			return [4]byte{0xff, 0, 0xff, 0xff}
		}
		level[c] = byte(math.Round(float64(min(max(v, -1), 1)+1) / 2 * 255))
	}
	if len(values) == 1 {
		level[1], level[2] = level[0], level[0]
	}
	return [4]byte{level[0], level[1], level[2], 0xff}
}

// pictures returns images with the values that are drawn, and reports dimensions that do not describe them. Unlike Check it lets
// numbers pass that are not finite: a training that went wrong is to be seen.
func pictures(m sample.Images) (sample.Images, error) {
	if m.N < 1 || m.Height < 1 || m.Width < 1 {
		return m, fmt.Errorf("show: %d images of %d×%d are no pictures", m.N, m.Height, m.Width)
	}
	if m.Channels != 1 && m.Channels != 3 || m.Alphabet != nil {
		return m, fmt.Errorf("show: images have %d channels, not 1 (grey) or 3 (RGB)", m.Depth())
	}
	n := len(m.Values)
	if m.Values == nil {
		n = len(m.Pixels)
	}
	// Dividing avoids the overflow that multiplying the dimensions may have.
	if n%m.N != 0 || n/m.N%m.Height != 0 || n/m.N/m.Height%m.Width != 0 || n/m.N/m.Height/m.Width != m.Channels {
		return m, fmt.Errorf("show: %d values are not %d images of %d×%d×%d", n, m.N, m.Height, m.Width, m.Channels)
	}
	return m.Seen(), nil
}
