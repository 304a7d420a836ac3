package show

import (
	"fmt"
	"image"
	"image/color"
	stddraw "image/draw"
	"math"
	"time"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes of the card, in pixels of the screen.
const (
	cardWidth  = 800
	cardMargin = 16
	headHeight = 66 // title, figures, bar
	noteHeight = 20
	bodyHeight = 330

	captionHeight = 22 // of the samples, part of the body
)

// card draws the run: title, figures and progress over the loss curves, with the samples on the right.
func (l *Live) card(now time.Time) (image.Image, error) {
	samples, caption, err := l.sampleGrid()
	if err != nil {
		return nil, err
	}
	head, body, right := headHeight, bodyHeight, 0
	if l.noted {
		head += noteHeight
	}
	width := cardWidth
	if samples != nil {
		size := samples.Bounds().Size()
		body = max(body, size.Y/density+captionHeight)
		right = (size.X + 1) / density
		width = max(width, right+cardWidth/2)
	}
	height := head + body + 2*cardMargin
	canvas := newCanvas(width, height)
	c := inset(draw.New(canvas), cardMargin)
	l.drawHead(c, now)
	chart := c
	chart.Max.Y -= vg.Length(head) * px
	if samples != nil {
		chart.Max.X -= vg.Length(right+cardMargin) * px
		style := textStyle(13, false)
		at := vg.Point{X: c.Max.X - vg.Length(right)*px, Y: chart.Max.Y - style.FontExtents().Ascent}
		c.FillText(style, at, fit(style, caption, vg.Length(right)*px))
		corner := image.Pt(density*(width-cardMargin-right), density*(cardMargin+head+captionHeight))
		to := image.Rectangle{Min: corner, Max: corner.Add(samples.Bounds().Size())}
		stddraw.Draw(canvas.Image(), to, samples, samples.Bounds().Min, stddraw.Src)
	}
	l.numberPlot().draw(chart)
	return canvas.Image(), nil
}

// drawHead draws the title, the figures, the note and the bar at the top of c.
func (l *Live) drawHead(c draw.Canvas, now time.Time) {
	line := func(size vg.Length, bold bool, s string) {
		style := textStyle(size, bold)
		c.FillText(style, vg.Point{X: c.Min.X, Y: c.Max.Y - style.FontExtents().Ascent}, fit(style, s, c.Size().X))
	}
	title := l.o.Title
	if title == "" {
		title = "Training"
	}
	line(17, true, title)
	c.Max.Y -= 24 * px
	line(13, false, l.status(now))
	c.Max.Y -= 20 * px
	if l.noted {
		left := c.Min.X
		if colour, lit := l.frame.Light.colour(); lit {
			spot := draw.GlyphStyle{Color: colour, Radius: 5 * px, Shape: draw.CircleGlyph{}}
			c.DrawGlyph(spot, vg.Point{X: left + 6*px, Y: c.Max.Y - 8*px})
			c.Min.X += 18 * px
		}
		line(13, false, l.frame.Note)
		c.Min.X, c.Max.Y = left, c.Max.Y-noteHeight*px
	}
	if l.o.Total <= 0 {
		return
	}
	part := min(max(float64(l.frame.Step)/float64(l.o.Total), 0), 1)
	bar := vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: c.Max.Y - 8*px}, Max: c.Max}
	c.SetColor(grey(0xe0))
	c.Fill(bar.Path())
	bar.Max.X = bar.Min.X + bar.Size().X*vg.Length(part)
	c.SetColor(palette()[0])
	c.Fill(bar.Path())
}

// colour is that of a light that is there.
func (l Light) colour() (colour color.RGBA, lit bool) {
	switch l {
	case Unlit:
		return grey(0xc8), true
	case Green:
		return palette()[2], true
	case Amber:
		return palette()[5], true
	case Red:
		return color.RGBA{0xc8, 0x1e, 0x1e, 0xff}, true
	}
	return color.RGBA{}, false
}

// numberPlot is the curves; their names carry the last values.
func (l *Live) numberPlot() Plot {
	p := Plot{XLabel: "step"}
	for _, name := range l.history.names {
		curve := l.history.Curve(name)
		curve.Name += " " + short(l.last(name))
		p.Series = append(p.Series, curve)
	}
	return p
}

// last is a number of the last frame, NaN where that has none of the name.
func (l *Live) last(name string) float64 {
	for _, n := range l.frame.Numbers {
		if n.Name == name {
			return n.Value
		}
	}
	return math.NaN()
}

// sampleGrid is the last Picture, or the last Samples as a picture about as high as the card's body, or nil; large ones
// are cut to the first few.
func (l *Live) sampleGrid() (image.Image, string, error) {
	if l.picture != nil {
		return l.picture, fmt.Sprintf("samples at step %d", l.drawnAt), nil
	}
	if l.samples == nil {
		return nil, "", nil
	}
	const room = density * (bodyHeight - captionHeight)
	m := *l.samples
	columns := min(10, max(1, room/(m.Width+gap)), m.N)
	if l.columns > 0 {
		columns = min(l.columns, m.N)
	}
	rows := max(1, room/(m.Height+gap))
	shown := m.Part(0, min(columns*rows, m.N))
	rows = (shown.N + columns - 1) / columns
	length := func(n, size int) float64 { return (float64(room-gap)/float64(n) - gap) / float64(size) }
	scale := max(1, int(math.Round(min(length(columns, m.Width), length(rows, m.Height)))))
	caption := fmt.Sprintf("%d samples at step %d", m.N, l.drawnAt)
	if shown.N < m.N {
		caption = fmt.Sprintf("first %d of %d samples at step %d", shown.N, m.N, l.drawnAt)
	}
	img, err := GridImage(shown, GridOptions{Columns: columns, Scale: scale})
	return img, caption, err
}
