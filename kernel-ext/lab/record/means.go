package record

import (
	"math"
	"slices"
)

// Means are the numbers of a run's steps in a bounded number of points, each the mean of as many consecutive steps, of those that report
// the number. The zero value has 1000 points at most.
type Means struct {
	Most   int // points; 0: 1000; else 2 or more
	names  []string
	points []meanPoint
	steps  int // in a full point
}

// meanPoint is sums over its steps.
type meanPoint struct {
	n, step float64
	numbers []meanSum // in the order of Means.names; shorter where later ones were not known
}

type meanSum struct{ n, of float64 }

const usualPoints = 1000

// Add takes the next step. Steps of one network alone are left out: the curves are over steps.
func (c *Means) Add(m Metric) {
	if !m.Ordinary() {
		return
	}
	most := c.Most
	if most == 0 {
		most = usualPoints
	}
	if n := len(c.points); n == 0 || int(c.points[n-1].n) >= c.steps {
		if n == most {
			c.halve()
		}
		c.points = append(c.points, meanPoint{})
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
			p.numbers = append(p.numbers, meanSum{})
		}
		p.numbers[at].n++
		p.numbers[at].of += number.Value
	}
}

// halve joins neighbours.
func (c *Means) halve() {
	for i := range len(c.points) / 2 {
		a, b := c.points[2*i], c.points[2*i+1]
		if len(a.numbers) < len(b.numbers) {
			a, b = b, a
		}
		for at, s := range b.numbers {
			a.numbers[at].n += s.n
			a.numbers[at].of += s.of
		}
		c.points[i] = meanPoint{a.n + b.n, a.step + b.step, a.numbers}
	}
	c.points = c.points[:len(c.points)/2]
	c.steps *= 2
}

// Names are those of the numbers, in the order in which they came.
func (c *Means) Names() []string { return c.names }

// Line is Of for a number that few steps report, without the gaps between those; of other numbers it is Of.
func (c *Means) Line(name string) (steps, values []float64) {
	steps, values = c.Of(name)
	there := 0
	for _, v := range values {
		if v == v {
			there++
		}
	}
	if 2*there > len(values) {
		return steps, values
	}
	at := 0
	for i, v := range values {
		if v == v {
			steps[at], values[at] = steps[i], v
			at++
		}
	}
	return steps[:at], values[:at]
}

// Of is the curve of a number over steps, NaN where no step of a point reports it.
func (c *Means) Of(name string) (steps, values []float64) {
	at := slices.Index(c.names, name)
	for _, p := range c.points {
		mean := math.NaN()
		if at >= 0 && at < len(p.numbers) && p.numbers[at].n > 0 {
			mean = p.numbers[at].of / p.numbers[at].n
		}
		steps, values = append(steps, p.step/p.n), append(values, mean)
	}
	return steps, values
}
