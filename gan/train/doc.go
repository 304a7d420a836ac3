// Package train plays games: it runs their steps, saves and resumes them, and draws samples. A [Trainer] compiles the steps of a
// method.Game, keeps data, weights, optimizer state and random state on the device, and yields a [Progress] of named numbers per step.
// It knows no method: which networks there are, what they minimise and what they report is the game's.
//
//	trainer, err := train.New(backend, game) // a method.Game, a gan.Experiment, a translate.Experiment
//	for progress, err := range trainer.Train(ctx, 1000) { … }
//	images, err := trainer.Sample(100, 1)
//
// Reading order: trainer.go (running steps), progress.go, build.go (what is compiled and moved to the device), initial.go (its first weights), batches.go (which
// samples a step sees) and feed.go (those of a set that does not fit), settings.go and averages.go; state.go (what a trainer's state can be asked for) with checkpoint.go (saving and
// resuming exactly), folder.go (which files are whole, and which are kept), weights.go (the networks alone), adopt.go and fork.go (going
// on as another game); use.go (what trained networks can be asked for) with generator.go (latents to images) and show.go; patience.go
// (ending by a metric), kept.go (what lives on in a notebook).
//
// Runs repeat: with the same game and backend on the same kind of CPU (XLA compiles for its vector instructions), every
// weight is the same bit for bit, also across a save and a resume. Nothing is hidden in package-level state.
//
// In a notebook whose variables live on from cell to cell, a [Trainer] and a [Generator] do so too: training 100 steps in each of two
// cells is training 200 in one. Their functions are kept by name, so a network is a function or a method, as all of package net
// are; one that is written anew is named when a trainer that was made with the old one is used.
//
// Damage is never taken for absence: [ErrNoCheckpoint] means that there is no file, [ErrDamaged] that one is there and is
// not whole. Files are read within the limits of package safetensors (4 GiB, a header of 8 MiB, 65 536 tensors), and a
// checkpoint or a generator's weights only once their header fits the networks. One call draws at most 4 GiB of images.
package train
