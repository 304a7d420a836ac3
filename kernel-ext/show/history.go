package show

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// Stretch is consecutive steps as one.
type Stretch struct {
	Steps   int       // that are in it
	Middle  float64   // the mean of their numbers
	Numbers []Summary // one for each that any of them reports
}

// Summary is what the steps of a stretch report of a number.
type Summary struct {
	Name                  string
	Reports               int // steps that report it
	Mean, Least, Greatest float64
}

// Summary is that of a name; false where no step of the stretch reports it.
func (s Stretch) Summary(name string) (Summary, bool) {
	for _, n := range s.Numbers {
		if n.Name == name {
			return n, true
		}
	}
	return Summary{}, false
}

// MostPoints is how many points a History has at most where its Limit does not say so.
const MostPoints = 2000

// point is the sum of n consecutive frames.
type point struct {
	n, step float64
	numbers []sum // in the order of History.names; shorter where later ones were not known
}

// sum is that of a number in the n frames that have it, with the least and the greatest of them.
type sum struct{ n, of, least, greatest float64 }

func (s sum) plus(t sum) sum {
	if s.n == 0 || t.n == 0 {
		return sum{s.n + t.n, s.of + t.of, s.least + t.least, s.greatest + t.greatest}
	}
	return sum{s.n + t.n, s.of + t.of, min(s.least, t.least), max(s.greatest, t.greatest)}
}

func (p point) plus(q point) point {
	if len(p.numbers) < len(q.numbers) {
		p, q = q, p
	}
	all := slices.Clone(p.numbers)
	for i, s := range q.numbers {
		all[i] = all[i].plus(s)
	}
	return point{p.n + q.n, p.step + q.step, all}
}

// History is the numbers of a run in a bounded number of points, each the mean of as many consecutive frames, with the least and the
// greatest. When all are used, neighbours are joined and points hold twice as many frames. A number that is not finite in a frame makes its
// point a gap, and so does one that no frame of a point has. The zero value is empty.
type History struct {
	Limit int // points at most, even; 0: MostPoints

	names  []string // in the order in which they came
	points []point
	frames float64 // in a full point
}

// Add adds a step.
func (h *History) Add(step int, numbers ...Number) {
	p := point{n: 1, step: float64(step), numbers: make([]sum, len(h.names), len(h.names)+len(numbers))}
	for _, n := range numbers {
		p.set(h.place(n.Name), sum{1, n.Value, n.Value, n.Value})
	}
	h.append(p)
}

// AddStretch adds many steps at once.
func (h *History) AddStretch(s Stretch) {
	n := float64(s.Steps)
	p := point{n: n, step: n * s.Middle}
	for _, summary := range s.Numbers {
		reports := float64(summary.Reports)
		p.set(h.place(summary.Name), sum{reports, reports * summary.Mean, summary.Least, summary.Greatest})
	}
	h.frames = max(h.frames, n)
	h.append(p)
}

// place is that of a number among the names.
func (h *History) place(name string) int {
	at := slices.Index(h.names, name)
	if at < 0 {
		at, h.names = len(h.names), append(h.names, name)
	}
	return at
}

func (p *point) set(at int, s sum) {
	for len(p.numbers) <= at {
		p.numbers = append(p.numbers, sum{})
	}
	p.numbers[at] = s
}

func (h *History) append(p point) {
	if last := len(h.points) - 1; last >= 0 && h.points[last].n < h.frames {
		h.points[last] = h.points[last].plus(p)
		return
	}
	if h.Limit == 0 {
		h.Limit = MostPoints
	}
	if len(h.points) >= h.Limit {
		for i := range h.Limit / 2 {
			h.points[i] = h.points[2*i].plus(h.points[2*i+1])
		}
		h.points = h.points[:h.Limit/2]
		h.frames *= 2
	}
	h.frames = max(h.frames, 1)
	h.points = append(h.points, p)
}

// Names are those of the numbers, in the order in which they came.
func (h *History) Names() []string { return slices.Clone(h.names) }

// Curve is a number over the steps: its means and, once points are of several steps, the least and the greatest of each.
func (h *History) Curve(name string) Series {
	s := Series{Name: name}
	at := slices.Index(h.names, name)
	several := slices.ContainsFunc(h.points, func(p point) bool { return p.n > 1 })
	for _, p := range h.points {
		mean, least, greatest := math.NaN(), math.NaN(), math.NaN()
		if at >= 0 && at < len(p.numbers) && p.numbers[at].n > 0 {
			number := p.numbers[at]
			mean, least, greatest = number.of/number.n, number.least, number.greatest
		}
		s.X, s.Y = append(s.X, p.step/p.n), append(s.Y, mean)
		if several {
			s.Low, s.High = append(s.Low, least), append(s.High, greatest)
		}
	}
	return s
}

// Line is Curve for a number that few points report, without the gaps between those; of other numbers it is Curve.
func (h *History) Line(name string) Series {
	s := h.Curve(name)
	there := 0
	for _, v := range s.Y {
		if v == v {
			there++
		}
	}
	if 2*there > len(s.Y) {
		return s
	}
	line := Series{Name: name}
	for i, v := range s.Y {
		if v != v {
			continue
		}
		line.X, line.Y = append(line.X, s.X[i]), append(line.Y, v)
		if s.Low != nil {
			line.Low, line.High = append(line.Low, s.Low[i]), append(line.High, s.High[i])
		}
	}
	return line
}

const (
	rateMarks = 100                    // kept
	rateEvery = 100 * time.Millisecond // between two, at least
)

type mark struct {
	at   time.Time
	step int
}

// rate measures steps per second over the last rateMarks marks: about 10 s, more where steps are slow. It counts from
// the first frame on, so that the compilation before it does not matter, and leaves out pauses, when something else
// compiles or the machine sleeps.
type rate struct {
	first, last mark
	marks       []mark // the oldest first
}

func (r *rate) add(now time.Time, step int) {
	m := mark{now, step}
	switch {
	case len(r.marks) == 0 || step < r.last.step: // a run that goes back starts again
		*r = rate{first: m, marks: []mark{m}}
	case now.Sub(r.marks[len(r.marks)-1].at) >= rateEvery:
		r.marks = append(r.marks[max(0, len(r.marks)+1-rateMarks):], m)
	}
	r.last = m
}

// recent is the steps per second now, or 0 before that can be told. An interval with steps five times as slow as in the
// median one is a pause.
func (r *rate) recent() float64 {
	type interval struct{ seconds, steps, slowness float64 }
	var all []interval
	for i, m := range r.marks {
		next := r.last
		if i+1 < len(r.marks) {
			next = r.marks[i+1]
		}
		if seconds, steps := next.at.Sub(m.at).Seconds(), float64(next.step-m.step); seconds > 0 {
			all = append(all, interval{seconds, steps, seconds / steps})
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.SortFunc(all, func(a, b interval) int { return cmp.Compare(a.slowness, b.slowness) })
	median := all[(len(all)-1)/2].slowness
	var sum interval
	for _, one := range all {
		if one.slowness <= 5*median {
			sum.seconds, sum.steps = sum.seconds+one.seconds, sum.steps+one.steps
		}
	}
	return sum.steps / sum.seconds
}

// overall is the steps per second since the first frame, or 0.
func (r *rate) overall() float64 {
	seconds := r.last.at.Sub(r.first.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(r.last.step-r.first.step) / seconds
}

// perSecond writes a rate in steps/s.
func perSecond(rate float64) string {
	switch {
	case rate >= 100:
		return fmt.Sprintf("%.0f steps/s", rate)
	case rate >= 10:
		return fmt.Sprintf("%.1f steps/s", rate)
	}
	return fmt.Sprintf("%.2f steps/s", rate)
}

// span of time in words: 18 s, 2 min 18 s, 1 h 5 min.
func duration(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}

// short writes a number in three digits.
func short(v float64) string {
	if size := math.Abs(v); size >= 1000 && size < 1e6 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return exponent(strconv.FormatFloat(v, 'g', 3, 64))
}
