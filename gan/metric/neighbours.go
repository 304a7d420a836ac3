package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Manifold says how generated vectors lie among real ones. A set's neighbourhood is the union of balls around its
// vectors, each as large as the distance to the vector's k-th nearest neighbour in the set.
//
// Precision and recall: Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models",
// 2019, arXiv:1904.06991. Density and coverage: Naeem et al., "Reliable fidelity and diversity metrics for generative
// models", 2020, arXiv:2002.09797.
type Manifold struct {
	Precision float64 // share of the generated vectors in the real neighbourhood: fidelity, 0 to 1
	Recall    float64 // share of the real vectors in the generated neighbourhood: diversity, 0 to 1; outliers inflate it
	Density   float64 // mean number of real balls that a generated vector lies in, over k: fidelity, 0 to over 1
	Coverage  float64 // share of the real balls that hold a generated vector: diversity, 0 to 1
}

// Neighbours compares features by their k nearest neighbours. Its cost grows with the square of the number of vectors;
// each set needs more than k. Where real and generated vectors have one distribution, precision and recall are near
// each other and below 1, density is near 1, and coverage near 1 - 2⁻ᵏ for sets of one size.
func Neighbours(real, generated Features, k int) (Manifold, error) {
	if k < 1 {
		return Manifold{}, fmt.Errorf("cannot look at %d nearest neighbours: ask for at least 1", k)
	}
	if err := checkPair(real, generated, k+1); err != nil {
		return Manifold{}, err
	}
	return neighbours(real, generated, k).manifold(nil, nil), nil
}

// What Shares calls its numbers.
const (
	PrecisionName = "precision"
	RecallName    = "recall"
	DensityName   = "density"
	CoverageName  = "coverage"
)

// Shares is the Measurement of Neighbours: its numbers are the four of Manifold. Their intervals are from resampling the vectors that
// are counted.
type Shares struct {
	Neighbours int // k, see Neighbours; default 5
	MostPoints int // at most so many vectors of each set are looked at; default 2000
}

func (s Shares) withDefaults() Shares {
	if s.Neighbours <= 0 {
		s.Neighbours = 5
	}
	if s.MostPoints <= 0 {
		s.MostPoints = 2000
	}
	return s
}

// Measure implements Measurement.
func (s Shares) Measure(real, generated Features, random *rand.Rand) ([]Number, error) {
	s = s.withDefaults()
	if err := checkPair(real, generated, s.Neighbours+1); err != nil {
		return nil, err
	}
	n := min(real.N, generated.N, s.MostPoints)
	found := neighbours(real.Slice(0, n), generated.Slice(0, n), s.Neighbours)
	const resamples = 200
	var drawn []Manifold
	for range resamples {
		if random != nil {
			drawn = append(drawn, found.manifold(resample(random, n), resample(random, n)))
		}
	}
	value := found.manifold(nil, nil)
	var numbers []Number
	for _, share := range []struct {
		name string
		of   func(m Manifold) float64
	}{
		{PrecisionName, func(m Manifold) float64 { return m.Precision }},
		{RecallName, func(m Manifold) float64 { return m.Recall }},
		{DensityName, func(m Manifold) float64 { return m.Density }},
		{CoverageName, func(m Manifold) float64 { return m.Coverage }},
	} {
		number := Number{Name: share.name, Better: Higher, Value: share.of(value), Note: fmt.Sprintf("of %d points", n)}
		if drawn != nil {
			var values []float64
			for _, m := range drawn {
				values = append(values, share.of(m))
			}
			slices.Sort(values)
			number.Low, number.High = values[resamples*25/1000], values[resamples-1-resamples*25/1000]
		}
		numbers = append(numbers, number)
	}
	return numbers, nil
}

// relation is what Manifold averages.
type relation struct {
	k int

	balls   []int  // per generated vector: the real balls it lies in
	within  []bool // per real vector: whether it lies in a generated ball
	covered []bool // per real vector: whether its ball holds a generated vector
}

func neighbours(real, generated Features, k int) relation {
	realRadius, generatedRadius := radii(real, k), radii(generated, k)
	r := relation{k, make([]int, generated.N), make([]bool, real.N), make([]bool, real.N)}
	eachRow(real.N, func(i int) {
		for j := range generated.N {
			distance := squaredDistance(real.Row(i), generated.Row(j))
			r.covered[i] = r.covered[i] || distance <= realRadius[i]
			r.within[i] = r.within[i] || distance <= generatedRadius[j]
		}
	})
	eachRow(generated.N, func(j int) {
		for i := range real.N {
			if squaredDistance(real.Row(i), generated.Row(j)) <= realRadius[i] {
				r.balls[j]++
			}
		}
	})
	return r
}

// radii returns the squared distance of each vector to its k-th nearest neighbour among the others.
func radii(f Features, k int) []float64 {
	out := make([]float64, f.N)
	eachRow(f.N, func(i int) {
		nearest := make([]float64, k) // ascending
		for rank := range nearest {
			nearest[rank] = math.Inf(1)
		}
		for j := range f.N {
			if j == i {
				continue
			}
			if distance := squaredDistance(f.Row(i), f.Row(j)); distance < nearest[k-1] {
				place, _ := slices.BinarySearch(nearest, distance)
				copy(nearest[place+1:], nearest[place:k-1])
				nearest[place] = distance
			}
		}
		out[i] = nearest[k-1]
	})
	return out
}

// manifold averages over the real and the generated vectors at the given places, over all where they are nil.
func (r relation) manifold(inReal, inGenerated []int) Manifold {
	var m Manifold
	share := func(n int, in []int, value func(i int) float64) float64 {
		sum := 0.0
		for i := range n {
			if in != nil {
				i = in[i]
			}
			sum += value(i)
		}
		return sum / float64(n)
	}
	one := func(is bool) float64 {
		if is {
			return 1
		}
		return 0
	}
	m.Precision = share(len(r.balls), inGenerated, func(j int) float64 { return one(r.balls[j] > 0) })
	m.Density = share(len(r.balls), inGenerated, func(j int) float64 { return float64(r.balls[j]) / float64(r.k) })
	m.Recall = share(len(r.within), inReal, func(i int) float64 { return one(r.within[i]) })
	m.Coverage = share(len(r.covered), inReal, func(i int) float64 { return one(r.covered[i]) })
	return m
}
