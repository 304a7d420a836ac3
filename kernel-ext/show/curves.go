package show

import (
	"fmt"
	"image"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Plot is a chart of series over common axes. Only Series or Heat is needed.
type Plot struct {
	Title, XLabel, YLabel string
	Series                []Series
	LogX, LogY            bool    // logarithmic axes, on which values ≤ 0 are gaps
	Width, Height         int     // pixels of the screen, 160 to 4000; 0: 640 and 400
	XMin, XMax            float64 // the x axis; both 0: from the data
	YMin, YMax            float64 // the y axis; both 0: from the data
	Heat                  *Heat   // behind the series; needs linear axes
}

// Series is a line, or a cloud of points. NaN, ±Inf and magnitudes over 1e300 are gaps.
type Series struct {
	Name   string    // in the legend; "": not there
	X, Y   []float64 // of one length; X nil: 1, 2, 3, …
	Points bool      // points without a line
	Dashed bool      // a dashed line
	Pale   bool      // light grey, for what the other series are compared with

	// Low and High, of the length of Y, are the least and the greatest of what each point of a line stands for: a pale band behind
	// it. nil: none.
	Low, High []float64
}

// CurvesImage draws a plot, in twice as many pixels each way as Width and Height say. Long lines are thinned to the
// least and greatest value of each column of pixels. It fails when X, Y and a band differ in length, a size or an axis is
// impossible, or Heat does not fit its dimensions.
func CurvesImage(p Plot) (image.Image, error) {
	if p.Width == 0 {
		p.Width = 640
	}
	if p.Height == 0 {
		p.Height = 400
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	canvas := newCanvas(p.Width, p.Height)
	p.draw(inset(draw.New(canvas), 12))
	return canvas.Image(), nil
}

func (p Plot) check() error {
	if err := checkSize("plot", p.Width, p.Height, 160); err != nil {
		return err
	}
	for i, s := range p.Series {
		if s.X != nil && len(s.X) != len(s.Y) {
			return fmt.Errorf("show: series %d (%q) has %d x for %d y", i, s.Name, len(s.X), len(s.Y))
		}
		if s.Low != nil && len(s.Low) != len(s.Y) || len(s.Low) != len(s.High) {
			return fmt.Errorf("show: series %d (%q) has a band of %d and %d values for %d y", i, s.Name, len(s.Low), len(s.High), len(s.Y))
		}
	}
	if p.fixedX() && !possible(p.XMin, p.XMax, p.LogX) {
		return fmt.Errorf("show: no x axis from %g to %g", p.XMin, p.XMax)
	}
	if p.fixedY() && !possible(p.YMin, p.YMax, p.LogY) {
		return fmt.Errorf("show: no y axis from %g to %g", p.YMin, p.YMax)
	}
	if p.Heat == nil {
		return nil
	}
	if p.LogX || p.LogY || p.fixedX() || p.fixedY() {
		return fmt.Errorf("show: Heat does not combine with LogX, LogY, XMin, XMax, YMin or YMax")
	}
	h := *p.Heat
	if h.Cols < 1 || h.Rows < 1 || len(h.Z)%h.Cols != 0 || len(h.Z)/h.Cols != h.Rows {
		return fmt.Errorf("show: heat of %d values is not %d×%d", len(h.Z), h.Cols, h.Rows)
	}
	if !(h.XMin < h.XMax && h.YMin < h.YMax && -limit < min(h.XMin, h.YMin) && max(h.XMax, h.YMax) < limit) {
		return fmt.Errorf("show: no heat over %g to %g by %g to %g", h.XMin, h.XMax, h.YMin, h.YMax)
	}
	return nil
}

// checkSize reports a size, in pixels of the screen, that no picture should have.
func checkSize(what string, width, height, least int) error {
	if min(width, height) < least || max(width, height) > 4000 {
		return fmt.Errorf("show: %s of %d×%d pixels, not %d to 4000 each way", what, width, height, least)
	}
	return nil
}

func (p Plot) fixedX() bool { return p.XMin != 0 || p.XMax != 0 }
func (p Plot) fixedY() bool { return p.YMin != 0 || p.YMax != 0 }

// possible tells whether an axis can go from low to high.
func possible(low, high float64, log bool) bool {
	return low < high && -limit < low && high < limit && (!log || low > 0)
}

// draw draws a checked plot into c: title, legend, chart.
func (p Plot) draw(c draw.Canvas) {
	chart := plot.New()
	chart.BackgroundColor = nil
	chart.Add(p.grid())
	if p.Heat != nil {
		chart.Add(newSurface(*p.Heat))
	}
	columns := int((c.Max.X - c.Min.X) / px * density)
	var entries []plot.Legend
	runs := make([][]plotter.XYs, len(p.Series))
	coloured := 0
	bands := p.bands()
	for _, b := range bands {
		chart.Add(b)
	}
	for i, s := range p.Series {
		runs[i] = p.runs(s)
		drawn, thumbnail := s.plotters(coloured, runs[i], columns)
		if !s.Pale {
			coloured++
		}
		chart.Add(drawn...)
		if s.Name != "" {
			entries = append(entries, legendEntry(s.Name, thumbnail, c.Size().X))
		}
	}
	if p.Title != "" {
		style := textStyle(15, true)
		c.FillText(style, vg.Point{X: c.Min.X, Y: c.Max.Y - style.FontExtents().Ascent}, fit(style, p.Title, c.Size().X))
		c.Max.Y -= 24 * px
	}
	c.Max.Y -= drawLegend(c, entries, p.Heat)
	p.axes(chart, append(slices.Concat(runs...), edges(bands)...), c.Size())
	chart.Draw(draw.Crop(c, 0, 0, 0, -4*px))
}

// runs cuts a series at its gaps.
func (p Plot) runs(s Series) []plotter.XYs {
	var runs []plotter.XYs
	open := false
	for i, y := range s.Y {
		x := float64(i + 1)
		if s.X != nil {
			x = s.X[i]
		}
		if gone(x, p.LogX) || gone(y, p.LogY) {
			open = false
			continue
		}
		if !open {
			runs = append(runs, nil)
		}
		open = true
		runs[len(runs)-1] = append(runs[len(runs)-1], plotter.XY{X: x, Y: y})
	}
	return runs
}

// gone tells whether a value has no place on an axis; NaN fails the first comparison.
func gone(v float64, log bool) bool { return !(math.Abs(v) <= limit) || log && v < 1/limit }

// span is an axis from low to high.
type span struct{ low, high float64 }

func (s *span) add(v float64) { s.low, s.high = min(s.low, v), max(s.high, v) }

// ranges are the axes that hold everything drawn, with a little room above and below.
func (p Plot) ranges(runs []plotter.XYs) (x, y span) {
	x, y = span{math.Inf(1), math.Inf(-1)}, span{math.Inf(1), math.Inf(-1)}
	for _, run := range runs {
		for _, point := range run {
			x.add(point.X)
			y.add(point.Y)
		}
	}
	if h := p.Heat; h != nil {
		for _, v := range []float64{h.XMin, h.XMax} {
			x.add(v)
		}
		for _, v := range []float64{h.YMin, h.YMax} {
			y.add(v)
		}
		return x, y
	}
	x, y = x.widened(p.LogX, 0), y.widened(p.LogY, 0.05)
	if p.fixedX() {
		x = span{p.XMin, p.XMax}
	}
	if p.fixedY() {
		y = span{p.YMin, p.YMax}
	}
	return x, y
}

// widened is s with room at both ends, as a fraction of its length, and never empty.
func (s span) widened(log bool, room float64) span {
	switch {
	case s.low > s.high && log:
		return span{1, 10}
	case s.low > s.high:
		return span{0, 1}
	case log:
		s = span{math.Log(s.low), math.Log(s.high)}
	}
	if s.high-s.low <= 1e-9*max(math.Abs(s.low), math.Abs(s.high)) { // one value, as far as labels can tell
		spare := max(math.Abs(s.low)/10, 0.5)
		s = span{s.low - spare, s.high + spare}
	}
	spare := room * (s.high - s.low)
	s = span{s.low - spare, s.high + spare}
	if log {
		s = span{max(math.Exp(s.low), 1/(10*limit)), min(math.Exp(s.high), 10*limit)}
	}
	return s
}

// axes gives the chart the axes for runs in a drawing of the given size.
func (p Plot) axes(chart *plot.Plot, runs []plotter.XYs, size vg.Point) {
	for _, axis := range []*plot.Axis{&chart.X, &chart.Y} {
		axis.Padding = 0
		axis.LineStyle = draw.LineStyle{Color: grey(0x60), Width: 1 * px}
		axis.Tick.LineStyle = axis.LineStyle
		axis.Tick.Length = 5 * px
		xAlign, yAlign := axis.Tick.Label.XAlign, axis.Tick.Label.YAlign
		axis.Tick.Label = textStyle(12, false)
		axis.Tick.Label.XAlign, axis.Tick.Label.YAlign = xAlign, yAlign
		axis.Label.TextStyle = textStyle(13, false)
		axis.Label.TextStyle.XAlign, axis.Label.TextStyle.YAlign = draw.XCenter, draw.YBottom
		axis.Label.Padding = 4 * px
	}
	x, y := p.ranges(runs)
	chart.X.Min, chart.X.Max, chart.Y.Min, chart.Y.Max = x.low, x.high, y.low, y.high
	chart.X.Label.Text = fit(chart.X.Label.TextStyle, p.XLabel, size.X-80*px)
	chart.Y.Label.Text = fit(chart.Y.Label.TextStyle, p.YLabel, size.Y-50*px)
	if p.LogX {
		chart.X.Scale = plot.LogScale{}
	}
	if p.LogY {
		chart.Y.Scale = plot.LogScale{}
	}
	least := 0.0
	if whole(runs) && p.Heat == nil { // there is no step 2.5
		least = 1
	}
	chart.X.Tick.Marker = spaced(p.LogX, chart.X, least, size.X-80*px, func(label string) vg.Length {
		return chart.X.Tick.Label.Width(label) + 12*px
	})
	chart.Y.Tick.Marker = spaced(p.LogY, chart.Y, 0, size.Y-50*px, func(label string) vg.Length {
		return chart.Y.Tick.Label.Height(label) + 4*px
	})
}

// whole tells whether every x is a whole number.
func whole(runs []plotter.XYs) bool {
	for _, run := range runs {
		for _, point := range run {
			if point.X != math.Trunc(point.X) {
				return false
			}
		}
	}
	return true
}

// spaced are the most ticks whose labels, which need the room that size says, keep clear of each other on an axis of
// this length, and values no closer than least.
func spaced(log bool, axis plot.Axis, least float64, length vg.Length, size func(string) vg.Length) plot.ConstantTicks {
	var ticks []plot.Tick
	for n := 8; n >= 2; n-- {
		if log {
			ticks = logTicks(axis.Min, axis.Max, n)
		} else {
			ticks = linearTicks(axis.Min, axis.Max, least, n)
		}
		clear, end := true, -length
		for _, tick := range ticks {
			if tick.IsMinor() {
				continue
			}
			middle, half := length*vg.Length(axis.Norm(tick.Value)), size(tick.Label)/2
			clear = clear && middle-half >= end
			end = middle + half
		}
		if clear {
			break
		}
	}
	return ticks
}

// piece is how many points of a line are drawn at once: the time of the rasterizer grows with the square.
const piece = 50

// crowd is the number of points above which they are drawn smaller.
const crowd = 500

// plotters draw the runs of a series, the i-th that has a colour; thumbnail stands for it in the legend.
func (s Series) plotters(i int, runs []plotter.XYs, columns int) (drawn []plot.Plotter, thumbnail plot.Thumbnailer) {
	colours := palette()
	colour := colours[i%len(colours)]
	shapes := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.PyramidGlyph{}}
	dot := draw.GlyphStyle{Color: colour, Radius: 2.5 * px, Shape: shapes[i%len(shapes)]}
	switch {
	case s.Pale:
		colour = grey(0xbc)
		dot = draw.GlyphStyle{Color: colour, Radius: 3 * px, Shape: draw.CircleGlyph{}}
	case len(s.Y) > crowd:
		dot.Radius = 1.5 * px
	}
	if s.Points {
		var all plotter.XYs
		for _, run := range runs {
			all = append(all, run...)
		}
		points := &plotter.Scatter{XYs: all, GlyphStyle: dot}
		return []plot.Plotter{points}, points
	}
	line := draw.LineStyle{Color: colour, Width: 1.5 * px}
	if s.Dashed || i >= len(colours) { // colours come again
		line.Dashes = []vg.Length{5 * px, 3 * px}
	}
	for _, run := range runs {
		if len(run) == 1 { // no line, but there
			dot.Shape = draw.CircleGlyph{}
			drawn = append(drawn, &plotter.Scatter{XYs: run, GlyphStyle: dot})
			continue
		}
		run = thin(run, columns)
		for len(run) > piece && len(line.Dashes) == 0 {
			drawn = append(drawn, &plotter.Line{XYs: run[:piece], LineStyle: line})
			run = run[piece-2:] // a segment twice, so that no joint shows
		}
		drawn = append(drawn, &plotter.Line{XYs: run, LineStyle: line})
	}
	return drawn, &plotter.Line{LineStyle: line}
}

// thin keeps the least and the greatest of each of columns parts of a line that is much longer.
func thin(line plotter.XYs, columns int) plotter.XYs {
	if len(line) <= 4*columns {
		return line
	}
	kept := make(plotter.XYs, 0, 2*columns+2)
	kept = append(kept, line[0])
	for column := range columns {
		part := line[column*len(line)/columns : (column+1)*len(line)/columns]
		least, greatest := 0, 0
		for i, point := range part {
			if point.Y < part[least].Y {
				least = i
			}
			if point.Y > part[greatest].Y {
				greatest = i
			}
		}
		kept = append(kept, part[min(least, greatest)], part[max(least, greatest)])
	}
	return append(kept, line[len(line)-1])
}

func (p Plot) grid() plot.Plotter {
	if p.Heat != nil {
		return &plotter.Grid{}
	}
	line := draw.LineStyle{Color: grey(0xe6), Width: 1 * px}
	return &plotter.Grid{Vertical: line, Horizontal: line}
}

func legendEntry(name string, thumbnail plot.Thumbnailer, width vg.Length) plot.Legend {
	entry := plot.NewLegend()
	entry.TextStyle = textStyle(13, false)
	entry.ThumbnailWidth = 20 * px
	entry.Top, entry.Left = true, true
	entry.Add(fit(entry.TextStyle, name, width-30*px), thumbnail)
	return entry
}

// drawLegend draws the scale of a Heat and the entries along the top of c and returns the height they took. It takes as
// many lines as it needs, up to half of c; then … stands for the rest.
func drawLegend(c draw.Canvas, entries []plot.Legend, heat *Heat) (height vg.Length) {
	const line, space = 20 * px, 16 * px
	x, y := c.Min.X, c.Max.Y
	place := func(width vg.Length) draw.Canvas {
		if x > c.Min.X && x+width > c.Max.X {
			x, y = c.Min.X, y-line
		}
		at := c
		at.Min.X, at.Max.Y = x, y
		x += width + space
		return at
	}
	if heat != nil {
		drawScale(place, newSurface(*heat))
	}
	for _, entry := range entries {
		at := place(entry.Rectangle(c).Size().X)
		if at.Max.Y-2*line < c.Center().Y {
			at.FillText(textStyle(13, false), vg.Point{X: at.Min.X, Y: at.Max.Y - line}, "…")
			break
		}
		entry.Draw(at)
	}
	if x == c.Min.X {
		return 0
	}
	return c.Max.Y - y + line + 6*px
}
