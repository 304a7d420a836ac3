package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Better says which way a measured number is better.
type Better string

// The two ways.
const (
	Lower  Better = "lower"  // a distance: the value of real data is the floor
	Higher Better = "higher" // a share: the value of real data is the ceiling
)

// Number is a measured number beside what real data gets. All are finite.
type Number struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"` // of the generated vectors against real ones
	Low   float64 `json:"low"`   // a 95 % interval of Value
	High  float64 `json:"high"`
	Real  float64 `json:"real"` // of as many other real vectors against the same real ones: what a perfect generator gets
	// Better is which way Value is better, and Note what there is to say of it, such as how it was measured; "" for nothing.
	Better Better `json:"better"`
	Note   string `json:"note,omitempty"`
}

// String writes the value, its interval and what real data gets.
func (n Number) String() string {
	return fmt.Sprintf("%s %.4g [%.4g, %.4g], real %.4g", n.Name, n.Value, n.Low, n.High, n.Real)
}

// check returns an error unless the number can be written and read again.
func (n Number) check() error {
	switch sum := n.Value + n.Low + n.High + n.Real; {
	case n.Name == "":
		return fmt.Errorf("a measured number has no name: set its Name")
	case n.Better != Lower && n.Better != Higher:
		return fmt.Errorf("whether %s is better lower or higher is not said: set its Better", n.Name)
	case sum-sum != 0:
		return fmt.Errorf("%s is %g in [%g, %g], real %g: want finite numbers", n.Name, n.Value, n.Low, n.High, n.Real)
	}
	return nil
}

// Measurement measures generated features against real ones: one number, or several that are found together. Both are sound, of one
// width, and as many vectors; neither may be changed.
//
// random draws the intervals, and is this measurement's own. It is nil where only the values are wanted: then Low and High need not be
// set. Real need not be, for Compare measures other real vectors in the place of the generated ones, and takes the values of that.
type Measurement interface {
	Measure(real, generated Features, random *rand.Rand) ([]Number, error)
}

// Standard lists what Compare measures where nothing else is asked for: a FrechetDistance, a KernelDistance and Shares.
func Standard() []Measurement { return []Measurement{FrechetDistance{}, KernelDistance{}, Shares{}} }

// Resampled is the Measurement of a function of two sets of features. Its interval comes from the spread of the function's values on
// vectors that are drawn anew from both sets, with repetition, around the value of the sets themselves.
type Resampled struct {
	Name, Note string // of the Number
	Better     Better // which way the number is better
	Resamples  int    // default 20
	Of         func(real, generated Features) (float64, error)
}

// Measure implements Measurement.
func (r Resampled) Measure(real, generated Features, random *rand.Rand) ([]Number, error) {
	value, err := r.Of(real, generated)
	n := Number{Name: r.Name, Note: r.Note, Better: r.Better, Value: value, Low: value, High: value}
	if err != nil || random == nil {
		return []Number{n}, err
	}
	resamples := r.Resamples
	if resamples <= 0 {
		resamples = 20
	}
	inReal, inGenerated := make([][]int, resamples), make([][]int, resamples)
	for i := range resamples {
		inReal[i], inGenerated[i] = resample(random, real.N), resample(random, generated.N)
	}
	values, errs := make([]float64, resamples), make([]error, resamples)
	eachRow(resamples, func(i int) { values[i], errs[i] = r.Of(real.Rows(inReal[i]), generated.Rows(inGenerated[i])) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	_, deviation := meanAndDeviation(values)
	n.Low, n.High = value-1.96*deviation, value+1.96*deviation
	return []Number{n}, nil
}

// resample draws n places out of n, with repetition.
func resample(random *rand.Rand, n int) []int {
	places := make([]int, n)
	for i := range places {
		places[i] = random.IntN(n)
	}
	return places
}

// meanAndDeviation returns the mean and the standard deviation (over n-1) of at least one value.
func meanAndDeviation(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / max(float64(len(values)-1), 1))
}
