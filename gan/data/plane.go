package data

import (
	"math"
	"math/rand/v2"
)

// SwissRoll is a spiral of one and a half turns with some noise, in [-1, 1] but for the noise, the toy of WGAN-GP
// (Gulrajani et al. 2017, arXiv:1704.00028): one long curve for a generator to bend its latent along. It draws n points,
// 0 for 100 000, as Values of 1×1×2, without labels.
func SwissRoll(n int, seed int64) Set {
	const end = 4.5 * math.Pi
	return points("swiss-roll", n, seed, nil, func(rng *rand.Rand) (x, y float64, class int) {
		angle := end * (1 + 2*rng.Float64()) / 3
		sin, cos := math.Sincos(angle)
		return (angle*cos + 0.25*rng.NormFloat64()) / end, (angle*sin + 0.25*rng.NormFloat64()) / end, -1
	})
}

// Moons are two half circles that reach into each other, with some noise, in [-1, 1]×[-0.5, 0.5] but for the noise: two
// separate curves, so that an interpolation between them shows where a generator tears or bridges. It draws n points, 0
// for 100 000, as Values of 1×1×2. Label 0 is the upper moon, 1 the lower.
func Moons(n int, seed int64) Set {
	return points("moons", n, seed, []string{"upper", "lower"}, func(rng *rand.Rand) (x, y float64, class int) {
		class = rng.IntN(2)
		y, x = math.Sincos(math.Pi * rng.Float64())
		if class == 1 {
			x, y = 1-x, 0.5-y
		}
		return (x - 0.5 + 0.05*rng.NormFloat64()) / 1.5, (y - 0.25 + 0.05*rng.NormFloat64()) / 1.5, class
	})
}
