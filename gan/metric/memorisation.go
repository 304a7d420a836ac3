package metric

import (
	"fmt"
	"math"
	"slices"

	"gantry.local/gan/sample"
)

// Neighbour is a sample beside the training image and the held-out image that are nearest to it. Distances are root mean
// squared differences of the values, 0 to 2 for pictures.
type Neighbour struct {
	Sample                         int // place among the samples
	Train, HeldOut                 int // places of the nearest images
	TrainDistance, HeldOutDistance float64
}

// Ratio is the distance to the training image over the distance to the held-out one: 1 where the generator favours
// neither, near 0 for a copied image. It is 1 where both are 0.
func (n Neighbour) Ratio() float64 {
	if n.TrainDistance == n.HeldOutDistance {
		return 1
	}
	return n.TrainDistance / n.HeldOutDistance
}

// Memorisation says whether samples lie nearer to the training images than to images the generator never saw.
type Memorisation struct {
	Nearest []Neighbour // one per sample, the lowest Ratio first: the pairs to look at

	MedianRatio float64 // of the samples' ratios
	Closer      float64 // share of the samples that are nearer to a training image; a tie counts half
	Expected    float64 // what Closer would be by chance: the training images' share of all images
}

// String writes the result in one line.
func (m Memorisation) String() string {
	return fmt.Sprintf("%.1f %% of samples are nearer to a training image (by chance %.1f %%), median ratio %.3f, "+
		"lowest %.3f", 100*m.Closer, 100*m.Expected, m.MedianRatio, m.Nearest[0].Ratio())
}

// Memorised finds the nearest training image and the nearest held-out image of every sample, by the difference of
// their values. Closer far above Expected means that the generator reproduces its training set; that alone says
// nothing about quality. For a fair MedianRatio give as many training images as held-out ones.
//
// A test of the kind of Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying in generative
// models", 2020, arXiv:2004.05675.
func Memorised(samples, train, heldOut sample.Images) (Memorisation, error) {
	for _, images := range []*sample.Images{&samples, &train, &heldOut} {
		var err error
		if *images, err = seen(*images); err != nil {
			return Memorisation{}, err
		}
		if images.Height != samples.Height || images.Width != samples.Width || images.Channels != samples.Channels {
			return Memorisation{}, fmt.Errorf("cannot look for samples of %d×%d×%d among images of %d×%d×%d",
				samples.Height, samples.Width, samples.Channels, images.Height, images.Width, images.Channels)
		}
	}
	s, t, h := vectors(samples), vectors(train), vectors(heldOut)
	m := Memorisation{Nearest: make([]Neighbour, s.N), Expected: float64(t.N) / float64(t.N+h.N)}
	eachRow(s.N, func(i int) {
		n := Neighbour{Sample: i}
		n.Train, n.TrainDistance = nearest(s.Row(i), t)
		n.HeldOut, n.HeldOutDistance = nearest(s.Row(i), h)
		m.Nearest[i] = n
	})
	slices.SortStableFunc(m.Nearest, func(a, b Neighbour) int {
		switch {
		case a.Ratio() < b.Ratio():
			return -1
		case a.Ratio() > b.Ratio():
			return 1
		}
		return 0
	})
	for _, n := range m.Nearest {
		switch {
		case n.TrainDistance < n.HeldOutDistance:
			m.Closer += 1 / float64(s.N)
		case n.TrainDistance == n.HeldOutDistance:
			m.Closer += 0.5 / float64(s.N)
		}
	}
	middle := s.N / 2
	m.MedianRatio = m.Nearest[middle].Ratio()
	if s.N%2 == 0 {
		m.MedianRatio = (m.MedianRatio + m.Nearest[middle-1].Ratio()) / 2
	}
	return m, nil
}

// nearest returns the place of the row of f nearest to x and its root mean squared difference. It gives up on a row
// as soon as a part of it is too far away.
func nearest(x []float32, f Features) (place int, distance float64) {
	const part = 64
	best := math.Inf(1)
	for i := range f.N {
		row, sum := f.Row(i), 0.0
		for first := 0; first < len(x) && sum < best; first += part {
			last := min(first+part, len(x))
			sum += squaredDistance(x[first:last], row[first:last])
		}
		if sum < best {
			place, best = i, sum
		}
	}
	return place, math.Sqrt(best / float64(len(x)))
}
