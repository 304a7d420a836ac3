package loss

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// CrossEntropy is the family of Goodfellow et al., "Generative Adversarial Nets", 2014, arXiv:1406.2661. The critic is a
// classifier with p = σ(logit), trained by binary cross-entropy:
//
//	L_D = -E[log σ(D(x))] - E[log(1 - σ(D(G(z))))] = E[softplus(-D(x))] + E[softplus(D(G(z)))]
//
// The two members differ in what the generator minimises.
//
// Stability: nothing here computes σ and then a logarithm. softplus(t) = max(t, 0) + log(1 + exp(-|t|)) never
// overflows, and log1p keeps its precision where exp(-|t|) is tiny, so values and gradients are finite for every
// finite logit.
type CrossEntropy uint8

const (
	// NonSaturating lets the generator maximise log σ(D(G(z))) (section 3 of the paper):
	//
	//	L_G = E[softplus(-D(G(z)))],  ∂L_G/∂logit = -σ(-logit)
	//
	// The gradient is close to -1 where the critic is sure that a sample is fake, which is when help is needed most.
	NonSaturating CrossEntropy = iota

	// Saturating is the minimax game itself (equation 1 of the paper): the generator minimises log(1 - σ(D(G(z)))):
	//
	//	L_G = -E[softplus(D(G(z)))],  ∂L_G/∂logit = -σ(logit)
	//
	// The gradient vanishes where the critic is sure that a sample is fake: it starves the generator early in
	// training.
	Saturating
)

// Critic implements Loss: E[softplus(-real)] + E[softplus(fake)].
func (l CrossEntropy) Critic(real, fake *Node) *Node { return Add(l.Real(real), l.Fake(fake)) }

// Generator implements Loss; real is not used.
func (l CrossEntropy) Generator(_, fake *Node) *Node {
	if l == Saturating {
		return Neg(l.Fake(fake))
	}
	return l.Real(fake)
}

// Real implements Halves: the cross-entropy of real samples labelled one, E[softplus(-logits)].
func (CrossEntropy) Real(logits *Node) *Node { return ReduceAllMean(softplus(Neg(logits))) }

// Fake implements Halves: the cross-entropy of fake samples labelled zero, E[softplus(logits)].
func (CrossEntropy) Fake(logits *Node) *Node { return ReduceAllMean(softplus(logits)) }

// String implements Loss: "non-saturating" or "saturating".
func (l CrossEntropy) String() string {
	if l == Saturating {
		return "saturating"
	}
	return "non-saturating"
}

// softplus is log(1 + exp(x)) = (x + |x|)/2 + log(1 + exp(-|x|)). |x| is written as x·sign(x) with the sign held constant
// and 1 at 0, so at 0, where fresh critics start, the derivatives are exactly σ(0) = 1/2 and 1/4 (an unrolled critic uses
// the second).
func softplus(x *Node) *Node {
	magnitude := Mul(x, StopGradient(SignPlusOrMinus(x)))
	return Add(MulScalar(Add(x, magnitude), 0.5), Log1P(Exp(Neg(magnitude))))
}
