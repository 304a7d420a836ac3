package loss

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Squares is the type of the least-squares objective.
type Squares uint8

// LeastSquares is the objective of Mao et al., "Least Squares Generative Adversarial Networks", 2016, arXiv:1611.04076,
// with the labels of its equation 9 (a = 0, b = c = 1):
//
//	L_D = ½ E[(D(x) - 1)²] + ½ E[D(G(z))²]
//	L_G = ½ E[(D(G(z)) - 1)²],  ∂L_G/∂logit = logit - 1
//
// The gradient grows with the distance of a logit from its label, also for samples that the critic already takes for
// real: they are drawn towards the decision boundary, where the cross-entropy would let them be. D is the bare logit;
// behind a sigmoid its gradient would vanish as the saturating loss's does.
//
// Stability: a logit beyond ±1e19 overflows float32 when squared; none comes near.
const LeastSquares Squares = 0

// Critic implements Loss: ½ E[(real - 1)²] + ½ E[fake²].
func (l Squares) Critic(real, fake *Node) *Node { return Add(l.Real(real), l.Fake(fake)) }

// Generator implements Loss: ½ E[(fake - 1)²]; real is not used.
func (l Squares) Generator(_, fake *Node) *Node { return l.Real(fake) }

// Real implements Halves: ½ E[(logits - 1)²].
func (l Squares) Real(logits *Node) *Node { return l.Fake(AddScalar(logits, -1)) }

// Fake implements Halves: ½ E[logits²].
func (Squares) Fake(logits *Node) *Node { return MulScalar(ReduceAllMean(Square(logits)), 0.5) }

// String implements Loss: "least squares".
func (Squares) String() string { return "least squares" }
