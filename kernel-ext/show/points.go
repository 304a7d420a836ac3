package show

import (
	"fmt"
	"image"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Cloud is points in the plane, generated ones over those of the data they should look like. Points are x and y of one
// after the other, as the Values of a sample.Images of 1×1×2; those that are not finite are left out.
type Cloud struct {
	Data    []float32 // pale, behind; may be nil
	Samples []float32

	// The axes. All 0: as far as the Data, or else the Samples, reach and a little further, both axes at one scale. Points
	// beyond them are counted in the legend.
	XMin, XMax, YMin, YMax float64

	Width, Height int // pixels of the screen, 160 to 4000; 0: 480
}

// Points shows a cloud. It fails as PointsImage does, or when the notebook cannot be reached.
func Points(c Cloud) error {
	img, err := PointsImage(c)
	if err != nil {
		return err
	}
	return sendOne(img, density, fmt.Sprintf("%d points", len(c.Samples)/2))
}

// PointsImage draws a cloud, in twice as many pixels each way as Width and Height say. It fails when there are no points
// at all, when a coordinate has no partner, or when a size or an axis is impossible.
func PointsImage(c Cloud) (image.Image, error) {
	if len(c.Data)%2 != 0 || len(c.Samples)%2 != 0 {
		return nil, fmt.Errorf("show: %d and %d coordinates are no points in the plane: want x and y of each", len(c.Data),
			len(c.Samples))
	}
	if len(c.Data)+len(c.Samples) == 0 {
		return nil, fmt.Errorf("show: no points to draw")
	}
	p := Plot{XMin: c.XMin, XMax: c.XMax, YMin: c.YMin, YMax: c.YMax, Width: orElse(c.Width, 480), Height: orElse(c.Height, 480)}
	if !p.fixedX() && !p.fixedY() {
		p.XMin, p.XMax, p.YMin, p.YMax = c.axes(float64(p.Width-pointsSides), float64(p.Height-pointsEnds))
	}
	if len(c.Data) > 0 {
		p.Series = append(p.Series, pointSeries("data", c.Data))
		p.Series[0].Pale = true
	}
	if len(c.Samples) > 0 {
		name := "samples"
		if n := p.outside(c.Samples); n > 0 {
			name = fmt.Sprintf("samples, %d of %d outside", n, len(c.Samples)/2)
		}
		p.Series = append(p.Series, pointSeries(name, c.Samples))
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	canvas := newCanvas(p.Width, p.Height)
	p.draw(inset(draw.New(canvas), pointsMargin))
	return canvas.Image(), nil
}

// What a chart of points needs beside its square, in pixels of the screen: a margin, and about as much as the numbers at
// the axes and the legend take.
const (
	pointsMargin = 4
	pointsSides  = 2*pointsMargin + 32
	pointsEnds   = 2*pointsMargin + 54
)

// axes are those of a chart of width×height that holds the points with room around, a unit being as long in x as in y.
func (c Cloud) axes(width, height float64) (xMin, xMax, yMin, yMax float64) {
	points := c.Data
	if len(points) == 0 {
		points = c.Samples
	}
	x, y := span{math.Inf(1), math.Inf(-1)}, span{math.Inf(1), math.Inf(-1)}
	for i := 0; i < len(points); i += 2 {
		if a, b := float64(points[i]), float64(points[i+1]); !gone(a, false) && !gone(b, false) {
			x.add(a)
			y.add(b)
		}
	}
	x, y = x.widened(false, 0.1), y.widened(false, 0.1)
	unit := max((x.high-x.low)/width, (y.high-y.low)/height) // in a pixel
	around := func(s span, length float64) (low, high float64) {
		middle := (s.low + s.high) / 2
		return middle - unit*length/2, middle + unit*length/2
	}
	xMin, xMax = around(x, width)
	yMin, yMax = around(y, height)
	return xMin, xMax, yMin, yMax
}

// outside counts the points that the plot's axes leave out, also those that are not finite.
func (p Plot) outside(points []float32) int {
	n := 0
	for i := 0; i < len(points); i += 2 {
		x, y := float64(points[i]), float64(points[i+1])
		if !(x >= p.XMin && x <= p.XMax && y >= p.YMin && y <= p.YMax) {
			n++
		}
	}
	return n
}

func pointSeries(name string, points []float32) Series {
	s := Series{Name: name, Points: true}
	for i := 0; i < len(points); i += 2 {
		s.X = append(s.X, float64(points[i]))
		s.Y = append(s.Y, float64(points[i+1]))
	}
	return s
}

// orElse is v, or instead where v is 0.
func orElse(v, instead int) int {
	if v == 0 {
		return instead
	}
	return v
}

// pixels is a length of the screen.
func pixels(n int) vg.Length { return vg.Length(n) * px }
