package show

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Heat is a surface, such as a critic's output over the plane: Z[row*Cols+col] is its value in the middle of a cell of
// an even grid, rows from YMin up. Its colours go from blue (least) over white to orange (most); what is not finite is
// grey.
type Heat struct {
	XMin, XMax, YMin, YMax float64
	Cols, Rows             int
	Z                      []float64
}

// Point is where Z[i] belongs: the middle of its cell. All fields but Z must be set.
func (h Heat) Point(i int) (x, y float64) {
	x = h.XMin + (float64(i%h.Cols)+0.5)*(h.XMax-h.XMin)/float64(h.Cols)
	y = h.YMin + (float64(i/h.Cols)+0.5)*(h.YMax-h.YMin)/float64(h.Rows)
	return x, y
}

// surface draws a Heat.
type surface struct {
	Heat
	img         *image.RGBA
	least, most float64
}

func newSurface(h Heat) surface {
	s := surface{h, image.NewRGBA(image.Rect(0, 0, h.Cols, h.Rows)), math.Inf(1), math.Inf(-1)}
	for _, z := range h.Z {
		if !gone(z, false) {
			s.least, s.most = min(s.least, z), max(s.most, z)
		}
	}
	for i, z := range h.Z {
		colour := grey(0xb0)
		if !gone(z, false) {
			at := 0.5 // of a surface that is flat
			if s.most > s.least {
				at = (z - s.least) / (s.most - s.least)
			}
			colour = heatColour(at)
		}
		s.img.SetRGBA(i%h.Cols, h.Rows-1-i/h.Cols, colour)
	}
	return s
}

// heatColour goes from light blue at 0 over white to light orange at 1, both lighter than any series.
func heatColour(at float64) color.RGBA {
	end := [3]float64{0x7d, 0xb6, 0xdc}
	if at > 0.5 {
		end = [3]float64{0xf2, 0xb2, 0x6b}
	}
	strength := math.Abs(2*at - 1)
	var level [3]uint8
	for i := range level {
		level[i] = uint8(math.Round(255 + (end[i]-255)*strength))
	}
	return color.RGBA{level[0], level[1], level[2], 0xff}
}

// Plot implements plot.Plotter.
func (s surface) Plot(c draw.Canvas, chart *plot.Plot) {
	x, y := chart.Transforms(&c)
	c.DrawImage(vg.Rectangle{
		Min: vg.Point{X: x(s.XMin), Y: y(s.YMin)},
		Max: vg.Point{X: x(s.XMax), Y: y(s.YMax)},
	}, s.img)
}

// drawScale draws the colours of a surface between its least and most value.
func drawScale(place func(vg.Length) draw.Canvas, s surface) {
	if s.least > s.most {
		return
	}
	const bar = 80 * px
	style := textStyle(13, false)
	from, to := short(s.least), short(s.most)
	c := place(style.Width(from) + style.Width(to) + bar + 12*px)
	base := c.Max.Y - style.FontExtents().Ascent - 1*px
	c.FillText(style, vg.Point{X: c.Min.X, Y: base}, from)
	left := c.Min.X + style.Width(from) + 6*px
	colours := image.NewRGBA(image.Rect(0, 0, 64, 1))
	for i := range 64 {
		colours.SetRGBA(i, 0, heatColour(float64(i)/63))
	}
	c.DrawImage(vg.Rectangle{Min: vg.Point{X: left, Y: base}, Max: vg.Point{X: left + bar, Y: base + 10*px}}, colours)
	c.FillText(style, vg.Point{X: left + bar + 6*px, Y: base}, to)
}
