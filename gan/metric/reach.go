package metric

import (
	"fmt"

	"gantry.local/gan/sample"
)

// reach tells how much of a cloud of points samples come near to. A point counts as reached when a sample is nearer to it
// than a tenth of the points' mean distance, which is a third of the way between two modes of a ring of eight or a grid of
// 25: it asks whether a region is forgotten, not how well it is drawn.
type reach struct {
	points Features
	modes  []int32 // of each point, 0 to n-1; nil where they have none
	n      int     // modes
	radius float64
}

const reachOfDistance = 0.1 // of the mean distance of two points

// NewPointMonitor makes a Monitor for points in the plane that should be spread as the given ones, [n, 1, 1, 2]; a few
// hundred in random order are enough. Where they have labels, these are the modes that the points belong to: then the modes that samples
// reach are counted, else the share of the points.
func NewPointMonitor(data sample.Images) (*Monitor, error) {
	if data.Height != 1 || data.Width != 1 || data.Depth() != 2 {
		return nil, fmt.Errorf("collapse monitor: samples of %d×%d×%d: want points of 1×1×2", data.Height, data.Width, data.Depth())
	}
	m, err := NewMonitor(data, nil)
	if err != nil {
		return nil, err
	}
	m.reach = &reach{points: vectors(data.Seen()), modes: data.Labels, n: data.Classes(), radius: reachOfDistance * m.distance}
	return m, nil
}

// signs looks how much of the points, and how many of their modes, samples reach. A mode counts when half of its points do.
func (r *reach) signs(samples Features, s *Signal) []sign {
	reached, all, hits := make([]int, r.n), make([]int, r.n), 0
	for i := range r.points.N {
		near := r.near(r.points.Row(i), samples)
		if near {
			hits++
		}
		if r.modes != nil {
			all[r.modes[i]]++
			if near {
				reached[r.modes[i]]++
			}
		}
	}
	share := float64(hits) / float64(r.points.N)
	signs := []sign{{(1 - share) / 0.5, fmt.Sprintf("samples reach %.0f %% of the data", 100*share)}}
	for mode := range all {
		if all[mode] > 0 {
			s.OfClasses++
			if 2*reached[mode] >= all[mode] {
				s.Classes++
			}
		}
	}
	if s.Classes < s.OfClasses {
		missing := 1 - float64(s.Classes)/float64(s.OfClasses)
		signs = append(signs, sign{max(missing/0.5, 0.5), fmt.Sprintf("%d of %d modes", s.Classes, s.OfClasses)})
	}
	return signs
}

// near tells whether a sample lies within the radius of a point.
func (r *reach) near(point []float32, samples Features) bool {
	for i := range samples.N {
		if squaredDistance(point, samples.Row(i)) <= r.radius*r.radius {
			return true
		}
	}
	return false
}
