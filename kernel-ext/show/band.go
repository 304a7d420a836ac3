package show

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// band is the part of a series' Low and High without gaps. It is drawn behind all lines, with its edges, so that a single point that
// reaches far is seen however many points there are.
type band struct {
	low, high plotter.XYs
	colour    color.RGBA
}

// bands are those of all series, in the colours of their lines.
func (p Plot) bands() (all []band) {
	coloured := 0
	for _, s := range p.Series {
		colour := palette()[coloured%len(palette())]
		if s.Pale {
			colour = grey(0xbc)
		} else {
			coloured++
		}
		if s.Low == nil || s.Points {
			continue
		}
		low, high := p.runs(Series{X: s.X, Y: s.bounded(s.Low, p.LogY)}), p.runs(Series{X: s.X, Y: s.bounded(s.High, p.LogY)})
		for i := range min(len(low), len(high)) {
			all = append(all, band{low[i], high[i], lighter(colour)})
		}
	}
	return all
}

// bounded is an edge of the band with gaps where the line has them, and the line itself where the edge has no place on the axis.
func (s Series) bounded(edge []float64, log bool) []float64 {
	all := make([]float64, len(edge))
	for i, v := range edge {
		if all[i] = v; gone(v, log) || gone(s.Y[i], log) {
			all[i] = s.Y[i]
		}
	}
	return all
}

// edges are the outlines of bands.
func edges(all []band) (lines []plotter.XYs) {
	for _, b := range all {
		lines = append(lines, b.low, b.high)
	}
	return lines
}

// lighter is a colour mixed with white.
func lighter(c color.RGBA) color.RGBA {
	mix := func(v uint8) uint8 { return uint8((int(v) + 2*0xff) / 3) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}

// Plot draws the band, a few points at a time: the time of the rasterizer grows with the square.
func (b band) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := func(line plotter.XYs) (points []vg.Point) {
		for _, point := range line {
			points = append(points, vg.Point{X: x(point.X), Y: y(point.Y)})
		}
		return points
	}
	edge := draw.LineStyle{Color: b.colour, Width: 1 * px}
	low, high := at(b.low), at(b.high)
	for len(low) > 1 {
		n := min(piece, len(low))
		area := append([]vg.Point(nil), low[:n]...)
		for i := n - 1; i >= 0; i-- {
			area = append(area, high[i])
		}
		c.FillPolygon(b.colour, c.ClipPolygonXY(area))
		c.StrokeLines(edge, c.ClipLinesXY(low[:n])...)
		c.StrokeLines(edge, c.ClipLinesXY(high[:n])...)
		low, high = low[n-1:], high[n-1:]
	}
}
