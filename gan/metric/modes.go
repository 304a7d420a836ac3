package metric

import (
	"fmt"
	"math"
	"slices"
)

// Histogram counts samples per class or mode.
type Histogram []int

// Count makes a histogram of classes 0 to n-1, at most 65 536 of them.
func Count(classes []int32, n int) (Histogram, error) {
	if n > 1<<16 {
		return nil, fmt.Errorf("cannot count %d classes: at most %d", n, 1<<16)
	}
	h := make(Histogram, max(n, 0))
	for i, class := range classes {
		if class < 0 || int(class) >= n {
			return nil, fmt.Errorf("sample %d has class %d: want 0 to %d", i, class, n-1)
		}
		h[class]++
	}
	return h, nil
}

// Total returns the number of samples counted.
func (h Histogram) Total() int {
	total := 0
	for _, count := range h {
		total += count
	}
	return total
}

// Captured returns how many classes have at least so many samples. VEEGAN and PacGAN count a mode from the first
// sample on (least 1); a share such as 2 % of the samples is harder to reach by accident.
func (h Histogram) Captured(least int) int {
	captured := 0
	for _, count := range h {
		if count >= max(least, 1) {
			captured++
		}
	}
	return captured
}

// Rarest returns the class with the fewest samples, the lowest of several, and its share of the samples; 0 and 0 of an
// empty histogram.
func (h Histogram) Rarest() (class int, share float64) {
	if h.Total() == 0 {
		return 0, 0
	}
	class = slices.Index(h, slices.Min(h))
	return class, float64(h[class]) / float64(h.Total())
}

// KL returns the Kullback-Leibler divergence KL(h ‖ target) of the two distributions over classes, in nats, as VEEGAN
// and PacGAN report it for Stacked MNIST (generated ‖ real). A nil target is the uniform distribution. It is 0 for equal
// distributions, log(modes) for one mode of a uniform target, and +Inf where h has samples of a class that the target
// lacks.
func (h Histogram) KL(target Histogram) (float64, error) {
	if target == nil {
		target = make(Histogram, len(h))
		for class := range target {
			target[class] = 1
		}
	}
	if len(h) != len(target) || h.Total() == 0 || target.Total() == 0 {
		return 0, fmt.Errorf("no divergence of %d samples in %d classes from %d samples in %d: want the same classes, "+
			"and samples", h.Total(), len(h), target.Total(), len(target))
	}
	divergence := 0.0
	for class, count := range h {
		if count > 0 {
			p := float64(count) / float64(h.Total())
			divergence += p * math.Log(p*float64(target.Total())/float64(target[class]))
		}
	}
	return max(divergence, 0), nil
}

// ModeReport says how points cover the modes of a mixture.
type ModeReport struct {
	Counts      Histogram // per mode, the high-quality points nearest to it
	Captured    int       // modes with enough of them
	HighQuality float64   // share of the points within 3 standard deviations of their nearest centre
	ReverseKL   float64   // KL(points ‖ uniform over the modes), each point given to its nearest mode, in nats
}

// String writes the report in one line.
func (r ModeReport) String() string {
	return fmt.Sprintf("%d of %d modes, %.1f %% high quality, reverse KL %.3f", r.Captured, len(r.Counts),
		100*r.HighQuality, r.ReverseKL)
}

// Modes compares points in the plane, [n, 2], with a mixture of equally likely round normal distributions. A point is
// of high quality within 3 std of its nearest centre, and a mode is captured by at least so many high-quality points
// that are nearest to it: 1 in VEEGAN and PacGAN, which draw 2500 points.
//
// Srivastava et al., "VEEGAN: Reducing mode collapse in GANs using implicit variational learning", 2017,
// arXiv:1705.07761; Lin et al., "PacGAN: The power of two samples in generative adversarial networks", 2017,
// arXiv:1712.04086, where reverse KL is defined so.
func Modes(points []float32, centres [][2]float64, std float64, least int) (ModeReport, error) {
	if len(points) == 0 || len(points)%2 != 0 || len(centres) == 0 || !(std > 0) {
		return ModeReport{}, fmt.Errorf("modes of %d coordinates, %d centres, deviation %g: want pairs of coordinates, "+
			"a centre and a positive deviation", len(points), len(centres), std)
	}
	if err := (Features{points, len(points) / 2, 2}).check("points'"); err != nil {
		return ModeReport{}, err
	}
	n := len(points) / 2
	report := ModeReport{Counts: make(Histogram, len(centres))}
	nearest := make(Histogram, len(centres))
	for i := range n {
		x, y := float64(points[2*i]), float64(points[2*i+1])
		mode, distance := 0, math.Inf(1)
		for m, centre := range centres {
			if d := math.Hypot(x-centre[0], y-centre[1]); d < distance {
				mode, distance = m, d
			}
		}
		nearest[mode]++
		if distance <= 3*std {
			report.Counts[mode]++
			report.HighQuality += 1 / float64(n)
		}
	}
	report.Captured = report.Counts.Captured(least)
	var err error
	report.ReverseKL, err = nearest.KL(nil)
	return report, err
}
