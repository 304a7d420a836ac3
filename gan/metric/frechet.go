package metric

import (
	"math"
	"math/rand/v2"
)

// Frechet returns the squared Fréchet distance of the normal distributions that have the features' means and
// covariances, with covariances over n-1:
//
//	‖μ₁ - μ₂‖² + tr Σ₁ + tr Σ₂ - 2 tr (√Σ₁ Σ₂ √Σ₁)^½
//
// It is at least 0, and 0 for equal means and covariances. It is biased upwards for few samples, so only distances of
// the same number of samples compare. Each set needs at least two vectors.
//
// Heusel et al., "GANs trained by a two time-scale update rule", 2017, arXiv:1706.08500; the formula: Dowson and Landau,
// "The Fréchet distance between multivariate normal distributions", 1982.
func Frechet(a, b Features) (float64, error) {
	if err := checkPair(a, b, 2); err != nil {
		return 0, err
	}
	return frechet(a, b), nil
}

// FrechetName is what FrechetDistance calls its number.
const FrechetName = "Fréchet distance"

// FrechetDistance is the Measurement of Frechet. Resampling moves the distance up, as small sets do, so only its spread makes the
// interval.
type FrechetDistance struct {
	Resamples int // for the interval; default 20
}

// Measure implements Measurement.
func (f FrechetDistance) Measure(real, generated Features, random *rand.Rand) ([]Number, error) {
	numbers, err := Resampled{Name: FrechetName, Better: Lower, Resamples: f.Resamples, Of: Frechet}.Measure(real, generated, random)
	for i := range numbers {
		numbers[i].Low = max(numbers[i].Low, 0)
	}
	return numbers, err
}

func frechet(a, b Features) float64 {
	meanA, covarianceA := moments(a)
	meanB, covarianceB := moments(b)
	distance := 0.0
	for i := range meanA {
		difference := meanA[i] - meanB[i]
		distance += difference*difference + covarianceA.at(i, i) + covarianceB.at(i, i)
	}
	half := root(covarianceA)
	values, _ := eigen(half.mul(covarianceB).mul(half))
	for _, value := range values {
		distance -= 2 * math.Sqrt(max(value, 0))
	}
	return max(distance, 0)
}

// moments returns the mean and the covariance (over n-1) of the rows of f.
func moments(f Features) (mean []float64, covariance matrix) {
	mean = make([]float64, f.D)
	for i := range f.N {
		for k, v := range f.Row(i) {
			mean[k] += float64(v) / float64(f.N)
		}
	}
	covariance = newMatrix(f.D)
	centred := make([]float64, f.D)
	for i := range f.N {
		for k, v := range f.Row(i) {
			centred[k] = float64(v) - mean[k]
		}
		for k, v := range centred {
			sum := covariance.row(k)[:k+1]
			for j := range sum {
				sum[j] += v * centred[j]
			}
		}
	}
	for i := range f.D {
		for j := range i + 1 {
			v := covariance.at(i, j) / float64(f.N-1)
			covariance.set(i, j, v)
			covariance.set(j, i, v)
		}
	}
	return mean, covariance
}
