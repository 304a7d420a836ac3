package loss

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// EarthMover is the type of the Wasserstein objective.
type EarthMover uint8

// Wasserstein is the article's pair of formulas, which is the objective of Arjovsky, Chintala and Bottou,
// "Wasserstein GAN", 2017, arXiv:1701.07875:
//
//	L_D = -1/N Σ [D(x_i) - D(G(z_i))]
//	L_G = -1/N Σ D(G(z_i))
//
// -L_D estimates the earth mover's distance between real and fake samples, up to the critic's Lipschitz constant.
// The gradient with respect to a logit is constant (±1/N), so the generator is never starved; but without a Lipschitz
// constraint on the critic (weight clipping as in the paper: Experiment.ClipWeights) L_D has no lower bound and the
// critic's weights grow until training fails. It needs an unbounded critic: behind a sigmoid, as in the article's
// code, D is bounded and its gradient vanishes.
//
// Stability: means of logits; nothing can overflow that the logits themselves do not.
const Wasserstein EarthMover = 0

// Critic implements Loss: E[fake] - E[real].
func (w EarthMover) Critic(real, fake *Node) *Node { return Add(w.Real(real), w.Fake(fake)) }

// Generator implements Loss: -E[fake]; real is not used.
func (w EarthMover) Generator(_, fake *Node) *Node { return w.Real(fake) }

// Real implements Halves: -E[logits].
func (EarthMover) Real(logits *Node) *Node { return Neg(ReduceAllMean(logits)) }

// Fake implements Halves: E[logits].
func (EarthMover) Fake(logits *Node) *Node { return ReduceAllMean(logits) }

// String implements Loss: "wasserstein".
func (EarthMover) String() string { return "wasserstein" }
