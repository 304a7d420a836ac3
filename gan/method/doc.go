// Package method says what one training step is: which networks play, in which turns they move, by which objectives and optimizers.
//
// A [Game] is a value. It names its [Network]s, lists the [Turn]s of a step with their [Phase]s, and checks itself; package train
// plays it and knows nothing of what is in it. An [Objective] is a function of a [Play], the step while its graph is built: it asks
// for the real batch, for latents, for networks by name, for settings, and reports numbers by name.
//
// The usual game of a generator and a critic is a [Pair], and a [Method] arranges its turns: [Alternating], [Halves],
// [Simultaneous], [Unrolled], [TopKTraining], [FeatureMatching], [SelfSupervised], [Growing] and [Private].
//
// Reading order: game.go (the game), choice.go (what can be chosen of any), play.go (what an objective sees), step.go (a step as a graph), average.go (averages of
// weights), random.go; then pair.go (two networks) with alternating.go, halves.go, simultaneous.go, unrolled.go, topk.go,
// features.go, rotation.go, growing.go and private.go; for
// the last one driver.go (updates from outside of the graph), dpsgd.go, separate.go, spent.go and accountant.go. named.go lists the methods by name,
// views.go what the critic may see images through.
package method
