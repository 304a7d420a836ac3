package show

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// historyLimit bounds the points kept of a run.
const historyLimit = 2000

// point is the sum of n consecutive frames.
type point struct {
	n, step float64
	numbers []sum // in the order of history.names; shorter where later ones were not known
}

// sum is that of a number in the n frames that have it.
type sum struct{ n, of float64 }

func (p point) plus(q point) point {
	if len(p.numbers) < len(q.numbers) {
		p, q = q, p
	}
	all := slices.Clone(p.numbers)
	for i, s := range q.numbers {
		all[i] = sum{all[i].n + s.n, all[i].of + s.of}
	}
	return point{p.n + q.n, p.step + q.step, all}
}

// history is the numbers of a run in at most historyLimit points, each the mean of as many consecutive frames. When all
// are used, neighbours are joined and points hold twice as many frames. A number that is not finite in a frame makes its point
// a gap, and so does one that no frame of a point has.
type history struct {
	names  []string // in the order in which they came
	points []point
	frames float64 // in a full point
}

func (h *history) add(step int, numbers []Number) {
	frame := point{n: 1, step: float64(step), numbers: make([]sum, len(h.names), len(h.names)+len(numbers))}
	for _, n := range numbers {
		at := slices.Index(h.names, n.Name)
		if at < 0 {
			at = len(h.names)
			h.names, frame.numbers = append(h.names, n.Name), append(frame.numbers, sum{})
		}
		frame.numbers[at] = sum{1, n.Value}
	}
	if last := len(h.points) - 1; last >= 0 && h.points[last].n < h.frames {
		h.points[last] = h.points[last].plus(frame)
		return
	}
	if len(h.points) == historyLimit {
		for i := range historyLimit / 2 {
			h.points[i] = h.points[2*i].plus(h.points[2*i+1])
		}
		h.points = h.points[:historyLimit/2]
		h.frames *= 2
	}
	h.frames = max(h.frames, 1)
	h.points = append(h.points, frame)
}

// steps are the means of the points' steps.
func (h *history) steps() (all []float64) {
	for _, p := range h.points {
		all = append(all, p.step/p.n)
	}
	return all
}

// curve is the means of a number, by its place among the names.
func (h *history) curve(number int) (all []float64) {
	for _, p := range h.points {
		mean := math.NaN()
		if number < len(p.numbers) && p.numbers[number].n > 0 {
			mean = p.numbers[number].of / p.numbers[number].n
		}
		all = append(all, mean)
	}
	return all
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
