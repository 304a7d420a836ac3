package data

import (
	"math"
	"math/rand/v2"

	"gantry.local/gan/sample"
)

// Sines are the simplest time series, those of recurrent GANs (Esteban et al. 2017, arXiv:1706.02633): x_t =
// a·sin(2πft/T+φ) with a uniform in [0.1, 0.9], f in [1, 5] and φ in [-π, π]. They are n series, 0 for 10 000, of T
// steps, 0 for 64, as Values of T×1×1, without labels.
func Sines(n, T int, seed int64) Set {
	name := "sines" + optionText(waves{N: n, Length: T, Seed: seed})
	if n == 0 {
		n = 10_000
	}
	if T == 0 {
		T = 64
	}
	return of(name, sines{n: n, steps: T, seed: seed})
}

// sines makes n series of steps.
type sines struct {
	n, steps int
	seed     int64
}

func (s sines) make(name string) (*sample.Images, error) {
	if err := drawable(name, s.n, s.steps, maxValues); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(uint64(s.seed), 0))
	series := &sample.Images{Values: make([]float32, 0, s.n*s.steps), N: s.n, Height: s.steps, Width: 1, Channels: 1}
	for range s.n {
		amplitude, frequency, phase := 0.1+0.8*rng.Float64(), 1+4*rng.Float64(), math.Pi*(2*rng.Float64()-1)
		for t := range s.steps {
			angle := 2*math.Pi*frequency*float64(t)/float64(s.steps) + phase
			series.Values = append(series.Values, float32(amplitude*math.Sin(angle)))
		}
	}
	return series, series.Check()
}
