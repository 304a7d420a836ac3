// Package optim has optimizers, and the schedules and limits that they are chained with. An [Optimizer] is a value that makes
// changes of gradients and keeps state in between, an init/update pair as in optax:
//
//	adam := optim.NewAdam(2e-4, 0.5, 0.999)
//	clipped := optim.Chain(optim.ClipNorm(1), adam)                               // what one makes, the next is given
//	falling := optim.Scheduled{Of: clipped, Schedule: optim.Cosine{Steps: 15_000}} // the rate, over a run
//	ahead := optim.Lookahead{Of: falling, Steps: 5, Share: 0.5}
//
// Fields say what they mean: a Beta1 of 0 is no momentum. The usual constants come from the New functions.
//
// Changes are subtracted. That of plain descent is the rate times the gradient, so what clips or decays stands before an
// optimizer, for gradients, and behind it, for changes.
//
// Reading order:
//
//   - optimizer.go: what an [Optimizer] is, and how one that is not of this package is written (see the example).
//   - state.go: what it is given, a [State].
//   - apply.go: how variables are updated, [Apply] and [Minimise]; readers.go: when, so that XLA changes them where they lie.
//   - sgd.go, rmsprop.go, adam.go, adamw.go, lion.go: an optimizer each, with its formula and paper.
//   - chain.go, clip.go, decay.go: [Chain] and what is put into one.
//   - optimistic.go, lookahead.go, scheduled.go: optimizers that hold another.
//   - inertia.go: how much of a change goes on into the next, for who warns of it.
//   - named.go: optimizers by name, and chains of them as texts.
//   - norm.go: the norm of a gradient. schedule.go: how a rate changes over a run.
//
// GoMLX's own optimizers are not used: they take a loss, and write weights and state at once, so they neither chain nor
// can a generator look ahead through a critic's updates.
package optim
