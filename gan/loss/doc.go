// Package loss holds the objectives of generative adversarial networks: losses as pure functions of critic logits, and
// penalties that keep the critic smooth.
//
// The words are those of the literature: a critic D returns one logit per sample (unbounded, before any sigmoid), high
// for real and low for fake.
//
// One file describes one family: the formula, where it was published, what its gradient does, and why the code is
// numerically stable. Reading order:
//
//   - loss.go: what a [Loss] is, and how one is found by name; named.go: the list of the names, with their parameters, and of those of penalties.
//   - crossentropy.go: the original game, [NonSaturating] and [Saturating].
//   - smoothed.go: the same with soft labels, [Smoothed]; swap.go: any loss with wrong labels, [SwapLabels].
//   - wasserstein.go, leastsquares.go, hinge.go: one term per sample, other shapes.
//   - relativistic.go: real and fake compared with each other.
//   - penalty.go: what a [Penalty] is.
//   - gradient.go: the per-sample gradient that most penalties share, and what spoils it.
//   - interpolated.go: [WGANGP] and [OneSidedGP], a slope of one between real and fake samples.
//   - zerocentred.go: [R1] and [R2], a slope of zero at real or fake samples.
//   - dragan.go: [DRAGAN], a slope of one around real samples.
//   - consistency.go: [Consistency] and [BalancedConsistency], no gradient by images: the same logit for a moved image.
//
// The two other ways to bound a critic are elsewhere: clipped weights in package gan (Optimizers.ClipWeights), spectral
// normalisation in package net.
package loss
