package panel

import (
	"math"
	"slices"

	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/show"
)

// curves are the numbers of a run's steps in at most curvePoints points, each the mean of as many consecutive steps, of those
// that report the number.
type curves struct {
	names  []string // in the order in which they came
	points []point
	steps  int // in a full point
}

// point is sums over its steps.
type point struct {
	n, step float64
	numbers []sum // in the order of curves.names; shorter where later ones were not known
}

type sum struct{ n, of float64 }

const curvePoints = 1000

func (c *curves) add(m record.Metric) {
	if !m.Ordinary() {
		return // the curves are over steps
	}
	if n := len(c.points); n == 0 || int(c.points[n-1].n) >= c.steps {
		if n == curvePoints {
			c.halve()
		}
		c.points = append(c.points, point{})
	}
	c.steps = max(c.steps, 1)
	p := &c.points[len(c.points)-1]
	p.n, p.step = p.n+1, p.step+float64(m.Step)
	for _, number := range m.Numbers {
		at := slices.Index(c.names, number.Name)
		if at < 0 {
			at, c.names = len(c.names), append(c.names, number.Name)
		}
		for len(p.numbers) <= at {
			p.numbers = append(p.numbers, sum{})
		}
		p.numbers[at].n++
		p.numbers[at].of += number.Value
	}
}

// halve joins neighbours.
func (c *curves) halve() {
	for i := range len(c.points) / 2 {
		a, b := c.points[2*i], c.points[2*i+1]
		if len(a.numbers) < len(b.numbers) {
			a, b = b, a
		}
		for at, s := range b.numbers {
			a.numbers[at].n += s.n
			a.numbers[at].of += s.of
		}
		c.points[i] = point{a.n + b.n, a.step + b.step, a.numbers}
	}
	c.points = c.points[:len(c.points)/2]
	c.steps *= 2
}

// of is the curve of a number, with a gap where no step of a point reports it.
func (c *curves) of(name string) (s show.Series) {
	s.Name = name
	at := slices.Index(c.names, name)
	for _, p := range c.points {
		mean := math.NaN()
		if at >= 0 && at < len(p.numbers) && p.numbers[at].n > 0 {
			mean = p.numbers[at].of / p.numbers[at].n
		}
		s.X, s.Y = append(s.X, p.step/p.n), append(s.Y, mean)
	}
	return s
}

// plot has the curves of numbers; of the losses where none are named.
func (c *curves) plot(names []string) show.Plot {
	plot := show.Plot{XLabel: "step", Width: curvesWidth, Height: pictureSide}
	if len(names) == 0 {
		names = record.Losses(c.names)
	}
	for _, name := range names {
		plot.Series = append(plot.Series, c.of(name))
	}
	return plot
}

// drawCurves is a plot as PNG.
func drawCurves(plot show.Plot) ([]byte, error) {
	img, err := show.CurvesImage(plot)
	if err != nil {
		return nil, err
	}
	return encodePicture(img)
}
