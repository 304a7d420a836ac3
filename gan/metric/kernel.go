package metric

import (
	"math"
	"math/rand/v2"
)

// Kernel returns the kernel distance of two sets of features, the unbiased estimate of the squared maximum mean
// discrepancy for the kernel k(x, y) = (x·y/d + 1)³ of vectors of d components:
//
//	mean k(a, a') + mean k(b, b') - 2 mean k(a, b), over different a and a', different b and b'
//
// Its expectation does not depend on the number of samples and is 0 for equal distributions, so it can come out below
// 0. The cost grows with the square of the number of vectors. Each set needs at least two.
//
// Bińkowski et al., "Demystifying MMD GANs", 2018, arXiv:1801.01401, who call it KID on Inception's features.
func Kernel(a, b Features) (float64, error) {
	if err := checkPair(a, b, 2); err != nil {
		return 0, err
	}
	return kernel(a, b), nil
}

// KernelName is what KernelDistance calls its number.
const KernelName = "kernel distance"

// KernelDistance is the Measurement of Kernel: the mean over disjoint blocks of up to 500 vectors, at least ten of them, whose spread
// makes the interval.
type KernelDistance struct{}

// Measure implements Measurement.
func (KernelDistance) Measure(real, generated Features, _ *rand.Rand) ([]Number, error) {
	if err := checkPair(real, generated, 2); err != nil {
		return nil, err
	}
	size := max(2, min(500, real.N/10))
	values := make([]float64, real.N/size)
	for block := range values {
		values[block] = kernel(real.Slice(block*size, size), generated.Slice(block*size, size))
	}
	mean, deviation := meanAndDeviation(values)
	const quantile = 2.26 // of Student's t for ten values; a little wide for more
	half := quantile * deviation / math.Sqrt(float64(len(values)))
	return []Number{{Name: KernelName, Better: Lower, Value: mean, Low: mean - half, High: mean + half}}, nil
}

func kernel(a, b Features) float64 {
	return kernelWithin(a) + kernelWithin(b) - 2*kernelBetween(a, b)
}

// kernelWithin is the mean of the kernel over pairs of different vectors.
func kernelWithin(f Features) float64 {
	sum := sumOverRows(f.N, func(i int) float64 {
		sum := 0.0
		for j := range i {
			sum += cubic(f.Row(i), f.Row(j))
		}
		return sum
	})
	return sum / (float64(f.N) * float64(f.N-1) / 2)
}

func kernelBetween(a, b Features) float64 {
	sum := sumOverRows(a.N, func(i int) float64 {
		sum := 0.0
		for j := range b.N {
			sum += cubic(a.Row(i), b.Row(j))
		}
		return sum
	})
	return sum / float64(a.N) / float64(b.N)
}

func cubic(x, y []float32) float64 {
	k := dot(x, y)/float64(len(x)) + 1
	return k * k * k
}
