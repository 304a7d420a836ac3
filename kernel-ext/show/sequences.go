package show

import (
	"fmt"
	"image"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sequences are N time series of T steps and C channels, row-major, channels last, as the Values of a sample.Images of T×1×C.
// NaN, ±Inf and magnitudes over 1e300 are gaps.
type Sequences struct {
	Data    []float32
	N, T, C int
	Names   []string // of the channels; nil: they have none

	YMin, YMax    float64 // the y axis, the same for all; both 0: from the Data
	Columns, Rows int     // of the table; 0: 4, and as many rows as there are series, up to 50. What has no room is left out
	Width, Height int     // pixels of the screen, 40 to 4000; 0: 640, and 72 a row and the axes
}

// Lines shows series as a table of small charts. It fails as LinesImage does, or when the notebook cannot be reached.
func Lines(s Sequences) error {
	img, err := LinesImage(s)
	if err != nil {
		return err
	}
	return sendOne(img, density, fmt.Sprintf("%d series of %d steps", s.N, s.T))
}

// LinesImage draws a table of small charts on common axes, in twice as many pixels each way as Width and Height say;
// the axes are written below. It fails when the dimensions do not describe Data, or when a size or the y axis is
// impossible.
func LinesImage(s Sequences) (image.Image, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	s.Columns = min(orElse(s.Columns, 4), s.N)
	rows := (s.N + s.Columns - 1) / s.Columns
	s.Rows = min(orElse(s.Rows, 50), rows)
	s.Width, s.Height = orElse(s.Width, 640), orElse(s.Height, 72*s.Rows+axesHeight)
	if err := checkSize("table", s.Width, s.Height, 2*axesHeight); err != nil {
		return nil, err
	}
	y := s.axis()
	canvas := newCanvas(s.Width, s.Height)
	c := draw.New(canvas)
	s.drawAxes(c, y)
	c.Min.Y += axesHeight * px
	width, height := c.Size().X/vg.Length(s.Columns), c.Size().Y/vg.Length(s.Rows)
	for i := range min(s.N, s.Columns*s.Rows) {
		cell := c
		cell.Min.X += width * vg.Length(i%s.Columns)
		cell.Max.X = cell.Min.X + width
		cell.Max.Y -= height * vg.Length(i/s.Columns)
		cell.Min.Y = cell.Max.Y - height
		s.drawOne(inset(cell, 3), i, y)
	}
	return canvas.Image(), nil
}

const axesHeight = 20 // of the line below the table

func (s Sequences) check() error {
	if s.N < 1 || s.T < 1 || s.C < 1 {
		return fmt.Errorf("show: %d series of %d steps and %d channels are no series", s.N, s.T, s.C)
	}
	if n := len(s.Data); n%s.N != 0 || n/s.N%s.T != 0 || n/s.N/s.T != s.C {
		return fmt.Errorf("show: %d values are not %d series of %d steps and %d channels", n, s.N, s.T, s.C)
	}
	if s.Names != nil && len(s.Names) != s.C {
		return fmt.Errorf("show: %d names for %d channels", len(s.Names), s.C)
	}
	if s.Columns < 0 || s.Rows < 0 {
		return fmt.Errorf("show: table of %d columns and %d rows", s.Columns, s.Rows)
	}
	if (s.YMin != 0 || s.YMax != 0) && !possible(s.YMin, s.YMax, false) {
		return fmt.Errorf("show: no y axis from %g to %g", s.YMin, s.YMax)
	}
	return nil
}

// axis is the y axis of all charts.
func (s Sequences) axis() span {
	if s.YMin != 0 || s.YMax != 0 {
		return span{s.YMin, s.YMax}
	}
	y := span{math.Inf(1), math.Inf(-1)}
	for _, v := range s.Data {
		if v := float64(v); !gone(v, false) {
			y.add(v)
		}
	}
	return y.widened(false, 0.05)
}

// drawAxes writes the common axes and the channels' names on the last line.
func (s Sequences) drawAxes(c draw.Canvas, y span) {
	style := textStyle(12, false)
	at := vg.Point{X: c.Min.X + 3*px, Y: c.Min.Y + 4*px}
	write := func(text string) {
		text = fit(style, text, c.Max.X-at.X)
		c.FillText(style, at, text)
		at.X += style.Width(text) + 12*px
	}
	style.Color = grey(0x60)
	write(fmt.Sprintf("steps 1 to %d, values %s to %s", s.T, short(y.low), short(y.high)))
	for k, name := range s.Names {
		style.Color = palette()[k%len(palette())]
		write(name)
	}
}

// drawOne draws series i with a frame and the line of 0.
func (s Sequences) drawOne(c draw.Canvas, i int, y span) {
	frame := draw.LineStyle{Color: grey(0xd9), Width: 1 * px}
	corner := func(x, y vg.Length) vg.Point { return vg.Point{X: x, Y: y} }
	c.StrokeLines(frame, []vg.Point{
		corner(c.Min.X, c.Min.Y), corner(c.Max.X, c.Min.Y), corner(c.Max.X, c.Max.Y), corner(c.Min.X, c.Max.Y), corner(c.Min.X, c.Min.Y),
	})
	place := func(v float64) vg.Length { return c.Min.Y + c.Size().Y*vg.Length((v-y.low)/(y.high-y.low)) }
	if y.low < 0 && y.high > 0 {
		c.StrokeLine2(frame, c.Min.X, place(0), c.Max.X, place(0))
	}
	values := s.Data[i*s.T*s.C:]
	for k := range s.C {
		line := draw.LineStyle{Color: palette()[k%len(palette())], Width: 1.25 * px}
		var run []vg.Point
		end := func() {
			switch {
			case len(run) == 1: // no line, but there
				c.DrawGlyph(draw.GlyphStyle{Color: line.Color, Radius: 1.5 * px, Shape: draw.CircleGlyph{}}, run[0])
			case len(run) > 1:
				c.StrokeLines(line, c.ClipLinesXY(run)...)
			}
			run = nil
		}
		for t := range s.T {
			v := float64(values[t*s.C+k])
			if gone(v, false) {
				end()
				continue
			}
			x := c.Center().X
			if s.T > 1 {
				x = c.Min.X + c.Size().X*vg.Length(t)/vg.Length(s.T-1)
			}
			run = append(run, vg.Point{X: x, Y: place(v)})
			if len(run) > piece { // the time of the rasterizer grows with the square
				last := run[len(run)-1]
				end()
				run = []vg.Point{last}
			}
		}
		end()
	}
}
