package data

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Mixture is a mixture of equally likely round Gaussians in the plane. With the true centres known, a generator's
// collapse can be counted: a centre that no sample comes near is a lost mode.
type Mixture struct {
	Name    string       // of the sets it makes; "" is "mixture"
	Centres [][2]float64 // the modes
	Std     float64      // standard deviation of each Gaussian in each direction
}

// Ring8 is the 2D-ring of VEEGAN (2017, arXiv:1705.07761) with the figures of PacGAN (Lin et al. 2018,
// arXiv:1712.04086): eight Gaussians on a circle of radius 1, standard deviation 0.01.
func Ring8() Mixture {
	ring := Mixture{Name: "ring", Std: 0.01}
	for i := range 8 {
		sin, cos := math.Sincos(2 * math.Pi / 8 * float64(i))
		ring.Centres = append(ring.Centres, [2]float64{cos, sin})
	}
	return ring
}

// Grid25 is the 2D-grid of VEEGAN and PacGAN: 25 Gaussians at {-4, -2, 0, 2, 4}², standard deviation 0.05. A generator
// whose last layer is bounded by tanh can't reach it.
func Grid25() Mixture {
	grid := Mixture{Name: "grid", Std: 0.05}
	for x := -4.0; x <= 4; x += 2 {
		for y := -4.0; y <= 4; y += 2 {
			grid.Centres = append(grid.Centres, [2]float64{x, y})
		}
	}
	return grid
}

// Set draws n points, 0 for 100 000, as Values of 1×1×2. The label of a point is the index of its centre.
func (m Mixture) Set(n int, seed int64) Set {
	if m.Name == "" {
		m.Name = "mixture"
	}
	return pointsOf(m.Name, n, seed, m)
}

// check implements cloud.
func (m Mixture) check() error {
	if len(m.Centres) == 0 {
		return fmt.Errorf("%s: want at least one centre", m.Name)
	}
	return nil
}

// classes implements cloud: they have no names.
func (m Mixture) classes() []string { return nil }

// draw implements cloud.
func (m Mixture) draw(rng *rand.Rand) (x, y float64, class int) {
	class = rng.IntN(len(m.Centres))
	return m.Centres[class][0] + m.Std*rng.NormFloat64(), m.Centres[class][1] + m.Std*rng.NormFloat64(), class
}

// Nearest returns the index of the centre nearest to a point, and its distance.
func (m Mixture) Nearest(x, y float64) (mode int, distance float64) {
	distance = math.Inf(1)
	for i, centre := range m.Centres {
		if d := math.Hypot(x-centre[0], y-centre[1]); d < distance {
			mode, distance = i, d
		}
	}
	return mode, distance
}
