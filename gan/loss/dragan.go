package loss

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// DRAGAN is the penalty of Kodali et al., "On Convergence and Stability of GANs", 2017, arXiv:1705.07215, with
// k = 1:
//
//	E[(‖∇D(x + δ)‖ - 1)²],  δ ~ N(0, c),  √c = ½ std(x)
//
// std is over all values of the real batch, as in the authors' code. The authors saw mode collapse go with a critic that
// rises sharply at some real samples; the penalty asks for a moderate slope in the neighbourhood of real samples only and
// needs no fake ones. The paper's weight is 10.
//
// Stability: as in [WGANGP].
func DRAGAN(weight float64) Penalty { return Perturbed{weight} }

const draganName = "dragan"

// Perturbed is the family of [DRAGAN].
type Perturbed struct{ weight float64 }

// Term implements Penalty.
func (p Perturbed) Term(j Judged) *Node {
	variance := ReduceAllMean(Square(Sub(j.Real, ReduceAllMean(j.Real))))
	noise := Mul(j.Random.Normal(j.Real.Shape()), MulScalar(Sqrt(variance), 0.5))
	return ReduceAllMean(Square(AddScalar(slopes(j.Critic, Add(j.Real, noise)), -1)))
}

// Weight implements Penalty.
func (p Perturbed) Weight() float64 { return p.weight }

// String implements Penalty.
func (p Perturbed) String() string { return describe(draganName, p.weight) }
