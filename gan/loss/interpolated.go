package loss

import (
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// WGANGP is the penalty of Gulrajani et al., "Improved Training of Wasserstein GANs", 2017, arXiv:1704.00028, equation 3:
//
//	E[(‖∇D(x̂)‖ - 1)²],  x̂ = εx + (1-ε)G(z),  ε ~ U[0,1) per sample
//
// A critic that estimates the earth mover's distance (see [Wasserstein]) has slope one almost everywhere between real and
// fake samples; the penalty asks for that slope in place of the clipped weights. Its gradient pushes the slope from both
// sides, so a critic that is flat, as fresh ones nearly are, is made steeper. The paper's weight is 10.
//
// Stability: the norm has an ε of 1e-12 under its root, so where the slope is 0 the penalty is 1 and its gradient 0, not
// NaN.
func WGANGP(weight float64) Penalty { return Interpolated{weight: weight} }

// OneSidedGP is the penalty of Petzka, Fischer and Lukovnicov, "On the regularization of Wasserstein GANs", 2018,
// arXiv:1709.08894 (WGAN-LP):
//
//	E[max(0, ‖∇D(x̂)‖ - 1)²]
//
// with x̂ as in [WGANGP]. A 1-Lipschitz critic may have any slope up to one, so only a larger one is punished; a flat critic
// is left alone. The paper finds training less sensitive to this penalty's weight.
func OneSidedGP(weight float64) Penalty { return Interpolated{weight: weight, oneSided: true} }

const (
	wganGPName   = "wgan-gp"
	oneSidedName = "one-sided gp"
)

// Interpolated is the family of [WGANGP] and [OneSidedGP].
type Interpolated struct {
	weight   float64
	oneSided bool
}

// Term implements Penalty.
func (p Interpolated) Term(j Judged) *Node {
	sameShape(j.Real, j.Fake)
	perSample := shapes.Make(j.Real.DType(), j.Real.Shape().Dimensions...)
	for axis := 1; axis < perSample.Rank(); axis++ {
		perSample.Dimensions[axis] = 1
	}
	mix := j.Random.Uniform(perSample)
	excess := AddScalar(slopes(j.Critic, Add(Mul(mix, j.Real), Mul(OneMinus(mix), j.Fake))), -1)
	if p.oneSided {
		excess = MaxScalar(excess, 0)
	}
	return ReduceAllMean(Square(excess))
}

// Weight implements Penalty.
func (p Interpolated) Weight() float64 { return p.weight }

// String implements Penalty.
func (p Interpolated) String() string {
	if p.oneSided {
		return describe(oneSidedName, p.weight)
	}
	return describe(wganGPName, p.weight)
}
