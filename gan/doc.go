// Package gan describes generative adversarial networks, to be trained with GoMLX. It knows nothing of notebooks.
//
// An [Experiment] is the usual game: two networks, a loss, a method, optimizers, data, a seed. [NewTrainer] makes a train.Trainer of
// it, which yields named numbers per step and draws samples.
//
//	exp := gan.Experiment{
//		Name: "first", Data: data.MNIST(),
//		Generator: net.MLPGenerator, Critic: net.ConvCritic,
//	}
//	backend, err := device.Open("")
//	trainer, err := gan.NewTrainer(backend, exp)
//	for progress, err := range trainer.Train(ctx, 1000) { … }
//	images, err := trainer.Sample(100, 1)
//
// Any other game, of other networks in other turns, is a method.Game, which train.New takes as well: package kind has CycleGAN, InfoGAN and
// more, and package examples shows how one is written.
//
// Reading order: experiment.go (what is trained), game.go (the game that it describes, its linter, signature and summary), trainer.go
// (trainers and generators of it), critic.go
// (looking at the critic). Below it, each importing only what stands further down: train (running steps, checkpoints), lint (rules,
// signatures, summaries), method (what a step is), optim (optimizers), setting (numbers that can be changed), data (sets), loss (objectives
// and penalties), net (layers and networks), sample (the type of samples), part (what has a name and
// parameters).
//
// Ready-made experiments are in package recipe, and experiments said by names, as files, in spec; measurements are in metric, all of
// those that fit a generator in measure; networks from images to images are in translate, uses of a
// trained generator in latent, compress and export, the studies that reproduce our tables in study, and backends in device.
package gan
