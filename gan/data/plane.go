package data

import (
	"math"
	"math/rand/v2"

	"gantry.local/gan/sample"
)

// SwissRoll is a spiral of one and a half turns with some noise, in [-1, 1] but for the noise, the toy of WGAN-GP
// (Gulrajani et al. 2017, arXiv:1704.00028): one long curve for a generator to bend its latent along. It draws n points,
// 0 for 100 000, as Values of 1×1×2, without labels.
func SwissRoll(n int, seed int64) Set { return pointsOf("swiss-roll", n, seed, spiral{}) }

type spiral struct{}

func (spiral) check() error      { return nil }
func (spiral) classes() []string { return nil }

func (spiral) draw(rng *rand.Rand) (x, y float64, class int) {
	const end = 4.5 * math.Pi
	angle := end * (1 + 2*rng.Float64()) / 3
	sin, cos := math.Sincos(angle)
	return (angle*cos + 0.25*rng.NormFloat64()) / end, (angle*sin + 0.25*rng.NormFloat64()) / end, -1
}

// Moons are two half circles that reach into each other, with some noise, in [-1, 1]×[-0.5, 0.5] but for the noise: two
// separate curves, so that an interpolation between them shows where a generator tears or bridges. It draws n points, 0
// for 100 000, as Values of 1×1×2. Label 0 is the upper moon, 1 the lower.
func Moons(n int, seed int64) Set { return pointsOf("moons", n, seed, crescents{}) }

type crescents struct{}

func (crescents) check() error      { return nil }
func (crescents) classes() []string { return []string{"upper", "lower"} }

func (crescents) draw(rng *rand.Rand) (x, y float64, class int) {
	class = rng.IntN(2)
	y, x = math.Sincos(math.Pi * rng.Float64())
	if class == 1 {
		x, y = 1-x, 0.5-y
	}
	return (x - 0.5 + 0.05*rng.NormFloat64()) / 1.5, (y - 0.25 + 0.05*rng.NormFloat64()) / 1.5, class
}

// toyPoints is how many points a toy in the plane has unless told otherwise.
const toyPoints = 100_000

// cloud is what points of the plane are drawn from: a Mixture, spiral or crescents.
type cloud interface {
	check() error                                  // whether it can be drawn from
	classes() []string                             // names of the classes, nil where they have none
	draw(rng *rand.Rand) (x, y float64, class int) // class below 0: none
}

// points makes n points of a cloud.
type points struct {
	n    int
	seed int64
	from cloud
}

func pointsOf(kind string, n int, seed int64, from cloud) Set {
	name := kind + optionText(drawn{N: n, Seed: seed})
	if n == 0 {
		n = toyPoints
	}
	return of(name, points{n: n, seed: seed, from: from})
}

func (p points) make(name string) (*sample.Images, error) {
	if err := p.from.check(); err != nil {
		return nil, err
	}
	if err := drawable(name, p.n, 2, maxValues); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(uint64(p.seed), 0))
	plane := &sample.Images{Values: make([]float32, 0, 2*p.n), N: p.n, Height: 1, Width: 1, Channels: 2, Names: p.from.classes()}
	for range p.n {
		x, y, class := p.from.draw(rng)
		plane.Values = append(plane.Values, float32(x), float32(y))
		if class >= 0 {
			plane.Labels = append(plane.Labels, int32(class))
		}
	}
	return plane, plane.Check()
}
