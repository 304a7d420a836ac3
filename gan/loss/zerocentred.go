package loss

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// R1 is the penalty of Mescheder, Geiger and Nowozin, "Which Training Methods for GANs do actually Converge?", 2018,
// arXiv:1801.04406, equation 9, at real samples:
//
//	γ/2 E[‖∇D(x)‖²]
//
// Here γ is the weight, and Term is ½ E[‖∇D(x)‖²]. Where the generator has reached the data, a critic with a slope would
// push it away again; the penalty makes the critic flat there, and with it the game converges near its equilibrium. It
// goes with any loss. Behind an augmentation the slope is the one by the images themselves, see [Judged]. The best γ grows with the number of pixels: the paper uses 10 for large photographs; 1 suits MNIST.
//
// Stability: there is no root, so slope 0 is no special case.
func R1(gamma float64) Penalty { return ZeroCentred{gamma: gamma} }

// R2 is [R1] at fake samples (equation 10 of the paper): γ/2 E[‖∇D(G(z))‖²]. Used beside R1 in Huang et al., "The GAN is
// dead; long live the GAN!", 2025, arXiv:2501.05441.
func R2(gamma float64) Penalty { return ZeroCentred{gamma: gamma, atFake: true} }

const (
	r1Name = "r1"
	r2Name = "r2"
)

// ZeroCentred is the family of [R1] and [R2].
type ZeroCentred struct {
	gamma  float64
	atFake bool
}

// Term implements Penalty.
func (p ZeroCentred) Term(j Judged) *Node {
	critic, images := j.Critic, j.Real
	if p.atFake {
		critic, images = j.ofFake(), j.Fake
	}
	return MulScalar(ReduceAllMean(squaredSlopes(critic, images)), 0.5)
}

// Weight implements Penalty.
func (p ZeroCentred) Weight() float64 { return p.gamma }

// String implements Penalty.
func (p ZeroCentred) String() string {
	if p.atFake {
		return describe(r2Name, p.gamma)
	}
	return describe(r1Name, p.gamma)
}
