package metric

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
