// Package gan trains generative adversarial networks with GoMLX. It knows nothing of notebooks.
//
// An [Experiment] is a description: two networks, a loss, optimizers, data, a seed. A [Trainer] compiles one training
// step of it, keeps data, weights, optimizer state and random state on the device, and yields a [Progress] per step.
// A [Generator] draws samples from trained weights.
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
// Reading order: experiment.go (what is trained), check.go and probe.go (the linter), summary.go with summary_network.go, cost.go
// and summary_show.go (what it consists of and costs, as a notebook shows it), step.go (one step as a graph),
// adam.go (the update rule), average.go, precision.go, privacy.go, random.go, schedule.go and settings.go (its options),
// trainer.go (running steps), fork.go (branches of a run), stop.go (ending by a metric), health.go (looking at the critic),
// sample.go (latents to images), images_show.go and trainer_show.go (how a notebook shows these), checkpoint.go (saving and
// resuming exactly), checkpoint_folder.go (which files are whole, and which are kept), checkpoint_weights.go (the networks alone),
// kept.go (what lives on in a notebook).
//
// Networks are in package net, objectives and penalties in loss, data sets in data, ready-made experiments in recipe,
// measurements in metric, uses of a trained generator in latent, translate, compress and export, the studies that
// reproduce our tables in study, and backends in device.
//
// Runs repeat: with the same experiment and backend on the same kind of CPU (XLA compiles for its vector instructions), every
// weight is the same bit for bit, also across a save and a resume. Nothing is hidden in package-level state.
//
// In a notebook whose variables live on from cell to cell, an [Experiment], a [Trainer] and a [Generator] do so too: training
// 100 steps in each of two cells is training 200 in one. Their functions are kept by name, so a network is a function or a
// method, as all of package net are; one that is written anew is named when a trainer that was made with the old one is used.
//
// Damage is never taken for absence: [ErrNoCheckpoint] means that there is no file, [ErrDamaged] that one is there and is
// not whole. Files are read within the limits of package safetensors (4 GiB, a header of 8 MiB, 65 536 tensors), and a
// checkpoint or a generator's weights only once their header fits the networks. One call draws at most 4 GiB of images.
package gan
