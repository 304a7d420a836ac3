// Package picture draws the small pictures that the library's values show of themselves in a notebook: samples in a grid,
// points in the plane, and series as lines. They have no background, so that they read on light and dark pages.
package picture

import (
	"bytes"
	"encoding/base64"
	"html"
	"image"
	"image/color"
	"image/png"
	"math"
)

const (
	gap       = 2  // pixels between the pictures of a grid
	smallSide = 40 // up to which pictures are drawn at double size
	cloudSide = 260
	lineWide  = 120 // pixels of a series
	lineHigh  = 48
	mostSide  = 1 << 13 // pixels of a picture's sides
)

// Grid draws n pictures of height×width×channels in [-1, 1], of one channel (grey) or three, row by row. What is beyond the range is
// cut off; what is no number is magenta. It is nil where that would be too large, or the lengths do not fit.
func Grid(values []float32, n, height, width, channels, columns int) image.Image {
	if min(n, height, width, columns) < 1 || channels != 1 && channels != 3 || max(n, height, width) > mostSide ||
		len(values) != n*height*width*channels {
		return nil
	}
	scale := 1
	if max(height, width) <= smallSide {
		scale = 2
	}
	columns = min(columns, n)
	rows := (n + columns - 1) / columns
	wide, high := columns*(width*scale+gap)-gap, rows*(height*scale+gap)-gap
	if max(wide, high) > mostSide {
		return nil
	}
	sheet := image.NewNRGBA(image.Rect(0, 0, wide, high))
	for i := range n {
		left, top := i%columns*(width*scale+gap), i/columns*(height*scale+gap)
		for y := range height * scale {
			for x := range width * scale {
				at := values[((i*height+y/scale)*width+x/scale)*channels:]
				sheet.SetNRGBA(left+x, top+y, shade(at[:channels]))
			}
		}
	}
	return sheet
}

// shade is the colour of one or three values.
func shade(values []float32) color.NRGBA {
	c := color.NRGBA{A: 0xff}
	for i, to := range []*uint8{&c.R, &c.G, &c.B} {
		v := float64(values[i%len(values)])
		if v != v {
			return color.NRGBA{0xff, 0, 0xff, 0xff}
		}
		*to = uint8(math.Round(127.5 * (max(-1, min(1, v)) + 1)))
	}
	return c
}

// palette has colours of Okabe and Ito, and two more, that stand out on white and on black, for class after class.
func palette() []color.NRGBA {
	return []color.NRGBA{{0x00, 0x72, 0xb2, 0xff}, {0xe6, 0x9f, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xd5, 0x5e, 0x00, 0xff},
		{0x56, 0xb4, 0xe9, 0xff}, {0xcc, 0x79, 0xa7, 0xff}, {0x7b, 0x4f, 0xa3, 0xff}, {0x99, 0x99, 0x99, 0xff}}
}

// Points draws points in the plane, x and y in turn, in the colours of their classes; labels may be nil. Both axes have one
// scale. It is nil where there is no finite point.
func Points(xy []float32, labels []int32) image.Image {
	low, high := extent(xy)
	if low > high {
		return nil
	}
	colours := palette()
	sheet := image.NewNRGBA(image.Rect(0, 0, cloudSide, cloudSide))
	place := func(v float32) int {
		return 4 + int(float64(cloudSide-9)*(float64(v)-low)/max(high-low, math.SmallestNonzeroFloat32))
	}
	for i := 0; i+1 < len(xy); i += 2 {
		if !finite(xy[i]) || !finite(xy[i+1]) {
			continue
		}
		c := colours[0]
		if labels != nil {
			c = colours[int(labels[i/2])%len(colours)]
		}
		x, y := place(xy[i]), cloudSide-1-place(xy[i+1])
		for _, d := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
			sheet.SetNRGBA(x+d[0], y+d[1], c)
		}
	}
	return sheet
}

// Lines draws n series of steps×channels, each in a place of its own, six in a row, all on one scale.
func Lines(values []float32, n, steps, channels int) image.Image {
	low, high := extent(values)
	if n < 1 || steps < 2 || channels < 1 || n > mostSide || len(values) != n*steps*channels || low > high {
		return nil
	}
	const columns = 6
	rows := (n + columns - 1) / columns
	if rows*(lineHigh+gap) > mostSide {
		return nil
	}
	sheet := image.NewNRGBA(image.Rect(0, 0, min(n, columns)*(lineWide+4*gap), rows*(lineHigh+4*gap)))
	height := func(v float32) int {
		return lineHigh - 1 - int(float64(lineHigh-1)*(float64(v)-low)/max(high-low, math.SmallestNonzeroFloat32))
	}
	for i := range n {
		left, top := i%columns*(lineWide+4*gap), i/columns*(lineHigh+4*gap)
		for channel := range channels {
			c := palette()[channel%len(palette())]
			at := func(step int) float32 { return values[(i*steps+step)*channels+channel] }
			last := -1
			for x := range lineWide {
				where := float64(x) / (lineWide - 1) * float64(steps-1)
				step := min(int(where), steps-2)
				part := float32(where - float64(step))
				v := at(step)*(1-part) + at(step+1)*part
				if !finite(v) {
					last = -1
					continue
				}
				y := height(v)
				if last < 0 {
					last = y
				}
				for between := min(y, last); between <= max(y, last); between++ {
					sheet.SetNRGBA(left+x, top+between, c)
				}
				last = y
			}
		}
	}
	return sheet
}

func finite(v float32) bool { return v-v == 0 }

// extent is the range of the finite values.
func extent(values []float32) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if finite(v) {
			low, high = min(low, float64(v)), max(high, float64(v))
		}
	}
	return low, high
}

// PNG is a picture as a file, nil for nil.
func PNG(picture image.Image) []byte {
	if picture == nil {
		return nil
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, picture); err != nil {
		return nil // of no picture that this package draws
	}
	return encoded.Bytes()
}

// HTML is a picture within HTML, "" for nil. alt says in words what it shows.
func HTML(picture image.Image, alt string) string {
	encoded := PNG(picture)
	if encoded == nil {
		return ""
	}
	return `<div><img alt="` + html.EscapeString(alt) + `" src="data:image/png;base64,` + base64.StdEncoding.EncodeToString(encoded) + `"/></div>`
}
