package loss

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Margin is the type of the hinge objective.
type Margin uint8

// Hinge is the objective of Lim and Ye, "Geometric GAN", 2017, arXiv:1705.02894, used with spectral normalisation by
// Miyato et al., 2018, arXiv:1802.05957:
//
//	L_D = E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]
//	L_G = -E[D(G(z))],  ∂L_G/∂logit = -1/N
//
// The critic learns only from samples within its margin or on the wrong side of it; where it is sure, it rests, so its
// weights do not grow for ever. The generator's gradient is constant, as in Wasserstein.
//
// Stability: piecewise linear. At the kink the slope is 0, as in PyTorch.
const Hinge Margin = 0

// Critic implements Loss: E[max(0, 1 - real)] + E[max(0, 1 + fake)].
func (l Margin) Critic(real, fake *Node) *Node { return Add(l.Real(real), l.Fake(fake)) }

// Generator implements Loss: -E[fake]; real is not used.
func (Margin) Generator(_, fake *Node) *Node { return Neg(ReduceAllMean(fake)) }

// Real implements Halves: E[max(0, 1 - logits)].
func (l Margin) Real(logits *Node) *Node { return l.Fake(Neg(logits)) }

// Fake implements Halves: E[max(0, 1 + logits)].
func (Margin) Fake(logits *Node) *Node {
	short := AddScalar(logits, 1)
	zero := ScalarZero(short.Graph(), short.DType())
	return ReduceAllMean(Where(GreaterThan(short, zero), short, zero))
}

// String implements Loss: "hinge".
func (Margin) String() string { return "hinge" }
