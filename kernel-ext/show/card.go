package show

import (
	"fmt"
	"image"
	stddraw "image/draw"
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
	if l.frame.Note != "" {
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
		stddraw.Draw(canvas.Image(), to, samples, image.Point{}, stddraw.Src)
	}
	l.lossPlot().draw(chart)
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
	if l.frame.Note != "" {
		line(13, false, l.frame.Note)
		c.Max.Y -= noteHeight * px
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

// lossPlot is the loss curves; their names carry the last values.
func (l *Live) lossPlot() Plot {
	step, critic, generator := l.history.series()
	return Plot{
		XLabel: "step",
		Series: []Series{
			{Name: "critic loss " + short(l.frame.CriticLoss), X: step, Y: critic},
			{Name: "generator loss " + short(l.frame.GeneratorLoss), X: step, Y: generator},
		},
	}
}

// sampleGrid is the last samples as a picture about as high as the card's body, or nil; large ones are cut to the first
// few.
func (l *Live) sampleGrid() (image.Image, string, error) {
	if l.samples == nil {
		return nil, "", nil
	}
	const room = density * (bodyHeight - captionHeight)
	m := *l.samples
	columns := min(10, max(1, room/(m.W+gap)), m.N)
	rows := max(1, room/(m.H+gap))
	shown := m.first(columns * rows)
	rows = (shown.N + columns - 1) / columns
	scale := max(1, min(((room-gap)/columns-gap)/m.W, ((room-gap)/rows-gap)/m.H))
	caption := fmt.Sprintf("%d samples at step %d", m.N, l.drawnAt)
	if shown.N < m.N {
		caption = fmt.Sprintf("first %d of %d samples at step %d", shown.N, m.N, l.drawnAt)
	}
	img, err := GridImage(shown, GridOptions{Columns: columns, Scale: scale})
	return img, caption, err
}
