package metric

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gantry.local/gan/sample"
)

// Level is how worried to be.
type Level int

// The levels, in order.
const (
	OK        Level = iota // no sign of collapse
	Watch                  // a sign that may pass
	Collapsed              // the samples are few images over and over, or training stands still
)

// String returns "ok", "watch" or "collapsed".
func (l Level) String() string {
	switch l {
	case OK:
		return "ok"
	case Watch:
		return "watch"
	case Collapsed:
		return "collapsed"
	}
	return fmt.Sprintf("Level(%d)", int(l))
}

// Signal is what one look at samples shows.
type Signal struct {
	Level  Level
	Value  float64 // 0 for samples as varied as the data to 1 for collapsed; Watch begins at 0.5
	Reason string  // the signs, the worst first: "3 of 10 classes; samples' pairwise distance 4 % of the data's"

	Spread     float64 // mean distance of two samples over that of two images of the data
	Duplicates float64 // share of the pairs of samples that are near-duplicates
	Classes    int     // classes with at least 2 % of the samples, or modes that samples reach; 0 without a classifier and modes
	OfClasses  int     // classes or modes of the data; 0 without a classifier and modes
}

// String writes the level and the reason.
func (s Signal) String() string { return s.Level.String() + ": " + s.Reason }

// Vitals are further signs of life for Monitor.Look. The zero value knows nothing.
type Vitals struct {
	CriticAccuracy     float64   // share of real and fake images that the critic judges right; 0 is unknown
	GeneratorGradients []float64 // norms of the generator's gradient in the latest steps; empty is unknown
}

// Monitor watches samples for collapse. It remembers what the data looks like and how long the critic has been perfect;
// it is not safe for concurrent use.
type Monitor struct {
	h, w, c   int
	distance  float64 // mean distance of two images of the data
	duplicate float64 // pairs nearer than this are near-duplicates
	labeller  Labeller
	classes   int    // of the data
	reach     *reach // of points in the plane, else nil
	perfect   int    // looks in a row with a perfect critic
}

const (
	mostWatched      = 400 // images of the data, and samples, that are compared
	enoughPerClass   = 5   // samples per class below which classes are not counted
	perfectLooks     = 3   // looks in a row after which a perfect critic counts
	perfectAccuracy  = 0.995
	vanishedGradient = 1e-6
)

// NewMonitor makes a Monitor for samples that should look like the given images of the data, of any size; a few
// hundred in random order are enough. labeller may be nil; where it fits the images, classes are counted too.
func NewMonitor(data sample.Images, labeller Labeller) (*Monitor, error) {
	data, err := seen(data)
	if err != nil {
		return nil, fmt.Errorf("collapse monitor: %w", err)
	}
	if data.N < 2 {
		return nil, fmt.Errorf("collapse monitor: it needs at least 2 images of the data, not %d", data.N)
	}
	data = atMost(data, mostWatched)
	m := &Monitor{h: data.Height, w: data.Width, c: data.Channels}
	distances := pairDistances(vectors(data))
	m.distance, _ = meanAndDeviation(distances)
	if m.distance == 0 {
		return nil, fmt.Errorf("collapse monitor: the %d images of the data are all the same", data.N)
	}
	// Half of what the nearest hundredth of the pairs are apart: a rare event in the data.
	slices.Sort(distances)
	m.duplicate = distances[len(distances)/100] / 2
	if labeller != nil && labeller.Fits(data) == nil {
		classes, _, err := labeller.Classes(data)
		if err != nil {
			return nil, fmt.Errorf("collapse monitor: %w", err)
		}
		m.labeller, m.classes = labeller, present(classes, labeller.NumClasses())
	}
	return m, nil
}

// Look judges samples; a hundred are a good number. It is meant to run every few hundred steps: a hundred samples of
// 28×28 take a few milliseconds. The signs, with where they make Watch and Collapsed:
//
//   - the samples' mean pairwise distance is below 65 % and 30 % of the data's
//   - at least 5 % and 10 % of the pairs are near-duplicates, nearer than half of what all but 1 % of the data's pairs
//     are apart: k different images over and over make a share of 1/k
//   - at least a quarter and half of the data's classes have less than 2 % of the samples (only with a classifier and at
//     least five samples per class)
//   - of points in the plane, samples come near to less than 75 % and 50 % of the data's points, or miss one mode and half of
//     them: see NewPointMonitor
//   - Watch only: the critic has been right on 99.5 % in three looks in a row; the generator's gradient has a mean norm
//     below 1e-6. Both together are Collapsed.
//
// Without a classifier a collapse to one class in all its variety is not seen: MNIST's zeros alone are 99 % as far
// apart as all digits.
func (m *Monitor) Look(samples sample.Images, vitals Vitals) (Signal, error) {
	samples, err := seen(samples)
	if err != nil {
		return Signal{}, fmt.Errorf("collapse monitor: samples: %w", err)
	}
	if samples.Height != m.h || samples.Width != m.w || samples.Channels != m.c || samples.N < 2 {
		return Signal{}, fmt.Errorf("collapse monitor: it wants at least 2 samples of %d×%d×%d, not %d of %d×%d×%d", m.h, m.w,
			m.c, samples.N, samples.Height, samples.Width, samples.Channels)
	}
	var s Signal
	var signs []sign
	if m.reach != nil {
		signs = m.reach.signs(vectors(samples), &s)
	}
	samples = atMost(samples, mostWatched)
	if m.labeller != nil && samples.N >= enoughPerClass*m.classes {
		classes, _, err := m.labeller.Classes(samples)
		if err != nil {
			return Signal{}, fmt.Errorf("collapse monitor: %w", err)
		}
		s.Classes, s.OfClasses = min(present(classes, m.labeller.NumClasses()), m.classes), m.classes
		missing := 1 - float64(s.Classes)/float64(s.OfClasses)
		signs = append(signs, sign{missing / 0.5, fmt.Sprintf("%d of %d classes", s.Classes, s.OfClasses)})
	}
	distances := pairDistances(vectors(samples))
	mean, _ := meanAndDeviation(distances)
	s.Spread = mean / m.distance
	signs = append(signs, sign{(1 - s.Spread) / (1 - 0.3),
		fmt.Sprintf("samples' pairwise distance %.0f %% of the data's", 100*s.Spread)})
	for _, distance := range distances {
		if distance <= m.duplicate {
			s.Duplicates += 1 / float64(len(distances))
		}
	}
	signs = append(signs, sign{s.Duplicates / 0.1,
		fmt.Sprintf("%.0f %% of the pairs of samples are near-duplicates", 100*s.Duplicates)})
	signs = append(signs, m.standstill(vitals)...)
	m.sumUp(&s, signs)
	return s, nil
}

// sign is one symptom: 0 for none, 0.5 and more to watch, 1 and more for collapse.
type sign struct {
	severity float64
	reason   string
}

// standstill looks for a generator that has nothing left to follow.
func (m *Monitor) standstill(v Vitals) []sign {
	var signs []sign
	switch {
	case v.CriticAccuracy >= perfectAccuracy:
		m.perfect++
	case v.CriticAccuracy > 0:
		m.perfect = 0
	}
	if m.perfect >= perfectLooks {
		signs = append(signs, sign{0.5, fmt.Sprintf("the critic has been perfect for %d looks", m.perfect)})
	}
	if norm, _ := meanAndDeviation(v.GeneratorGradients); len(v.GeneratorGradients) > 0 && norm < vanishedGradient {
		signs = append(signs, sign{0.5, fmt.Sprintf("the generator's gradient has vanished (norm %.2g)", norm)})
	}
	if len(signs) == 2 {
		signs[0].severity, signs[1].severity = 1, 1
	}
	return signs
}

// sumUp sets the level, value and reason of a signal by the worst sign.
func (m *Monitor) sumUp(s *Signal, signs []sign) {
	slices.SortStableFunc(signs, func(a, b sign) int { return cmp.Compare(min(b.severity, 1), min(a.severity, 1)) })
	var reasons []string
	for _, sign := range signs {
		s.Value = max(s.Value, min(sign.severity, 1))
		if sign.severity >= 0.5 {
			reasons = append(reasons, sign.reason)
		}
	}
	switch {
	case s.Value >= 1:
		s.Level = Collapsed
	case s.Value >= 0.5:
		s.Level = Watch
	}
	s.Reason = strings.Join(reasons, "; ")
	if s.Reason == "" {
		s.Reason = fmt.Sprintf("samples' pairwise distance %.0f %% of the data's", 100*s.Spread)
		switch {
		case m.reach != nil && s.OfClasses > 0:
			s.Reason += fmt.Sprintf(", %d of %d modes", s.Classes, s.OfClasses)
		case s.OfClasses > 0:
			s.Reason += fmt.Sprintf(", %d of %d classes", s.Classes, s.OfClasses)
		}
	}
}

// present counts the classes with at least 2 % of the samples.
func present(classes []int32, of int) int {
	h, err := Count(classes, of)
	if err != nil {
		return 0
	}
	return h.Captured((len(classes) + 49) / 50)
}

// atMost returns the images, or n of them at even spaces.
func atMost(images sample.Images, n int) sample.Images {
	if images.N <= n {
		return images
	}
	size := images.Height * images.Width * images.Channels
	out := sample.Images{N: n, Height: images.Height, Width: images.Width, Channels: images.Channels}
	for i := range n {
		first := i * images.N / n * size
		out.Values = append(out.Values, images.Values[first:first+size]...)
	}
	return out
}

// pairDistances returns the distance of every pair of different rows.
func pairDistances(f Features) []float64 {
	distances := make([]float64, f.N*(f.N-1)/2)
	eachRow(f.N, func(i int) {
		for j := range i {
			distances[i*(i-1)/2+j] = math.Sqrt(squaredDistance(f.Row(i), f.Row(j)))
		}
	})
	return distances
}
