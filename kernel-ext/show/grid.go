package show

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
)

// Images are N pictures of H×W×C float32 in [-1, 1], row-major, channels last; C is 1 (grey) or 3 (RGB). gan.Images
// converts to it.
type Images struct {
	Data       []float32
	N, H, W, C int
}

// GridOptions say how a grid is laid out. The zero value is 10 columns at double size.
type GridOptions struct {
	Columns int // pictures in a row; 0: 10, or N if there are fewer
	Scale   int // pixels to the side of one value; 0: 2
}

const (
	gap       = 2        // pixels between and around the pictures of a grid
	maxPixels = 64 << 20 // of one picture; a browser gives up not far above
)

// GridImage draws images row by row. Values outside [-1, 1] are clipped; NaN, which no picture should hold, is magenta.
// It fails when the dimensions do not describe Data, an option is negative, or the picture is over 64 Mi pixels.
func GridImage(images Images, o GridOptions) (image.Image, error) {
	if err := images.check(); err != nil {
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
	w, h := side(images.W, columns, o.Scale), side(images.H, rows, o.Scale)
	if w*h > maxPixels { // in float64, which cannot overflow
		return nil, fmt.Errorf("show: a grid of %.0f×%.0f pixels is too large", w, h)
	}
	canvas := image.NewRGBA(image.Rect(0, 0, int(w), int(h)))
	draw.Draw(canvas, canvas.Bounds(), image.NewUniform(gapColour()), image.Point{}, draw.Src)
	for i := range images.N {
		x := gap + i%columns*(images.W*o.Scale+gap)
		y := gap + i/columns*(images.H*o.Scale+gap)
		images.drawOne(canvas, i, image.Pt(x, y), o.Scale)
	}
	return canvas, nil
}

// side is the length in pixels of n pictures of size values in a line.
func side(size, n, scale int) float64 {
	return gap + float64(n)*(float64(size)*float64(scale)+gap)
}

func gapColour() color.RGBA { return color.RGBA{0xd9, 0xd9, 0xd9, 0xff} }

// drawOne draws picture i with its top left corner at p.
func (m Images) drawOne(canvas *image.RGBA, i int, p image.Point, scale int) {
	values := m.Data[i*m.H*m.W*m.C:]
	for y := range m.H {
		start := canvas.PixOffset(p.X, p.Y+y*scale)
		line := canvas.Pix[start : start+4*m.W*scale]
		for x := range m.W {
			pixel := rgba(values[(y*m.W+x)*m.C:][:m.C])
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

// check reports dimensions that do not describe Data.
func (m Images) check() error {
	if m.N < 1 || m.H < 1 || m.W < 1 {
		return fmt.Errorf("show: %d images of %d×%d are no pictures", m.N, m.H, m.W)
	}
	if m.C != 1 && m.C != 3 {
		return fmt.Errorf("show: images have %d channels, not 1 (grey) or 3 (RGB)", m.C)
	}
	// Dividing avoids the overflow that multiplying the dimensions may have.
	if n := len(m.Data); n%m.N != 0 || n/m.N%m.H != 0 || n/m.N/m.H%m.W != 0 || n/m.N/m.H/m.W != m.C {
		return fmt.Errorf("show: %d values are not %d images of %d×%d×%d", n, m.N, m.H, m.W, m.C)
	}
	return nil
}

// first is the first n of the images, or all if there are fewer.
func (m Images) first(n int) Images {
	m.N = min(m.N, n)
	m.Data = m.Data[:m.N*m.H*m.W*m.C]
	return m
}
