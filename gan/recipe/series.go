package recipe

import (
	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// Sines trains a recurrent generator on sine waves of 32 steps. The recurrent critic net.SequenceCritic does as well and
// takes three times as long.
func Sines() gan.Experiment {
	const steps = 32
	adam := optim.NewAdam(1e-3, 0.5, 0.99)
	return gan.Experiment{
		Name: "sines", Data: data.Sines(0, steps, 0), Latent: 16,
		Generator: net.SequenceGenerator(steps, 64, 1), Critic: net.SequenceConvCritic(64),
		Penalties:  []loss.Penalty{loss.R1(0.2)},
		Optimizers: averaged(adam, 0.995),
	}
}

// Phrases trains a character-level generator of short phrases with straight-through Gumbel-softmax (Jang et al., 2016,
// arXiv:1611.01144) and the critic of WGAN-GP's language model (Gulrajani et al., 2017, arXiv:1704.00028).
func Phrases() gan.Experiment {
	const length, letters = 16, 23
	return gan.Experiment{
		Name: "phrases", Data: data.Phrases(), Latent: 32,
		Generator: net.TextGenerator(length, letters, 64), Critic: net.TextCritic(64),
		Loss: loss.Wasserstein, Penalties: []loss.Penalty{loss.WGANGP(10)},
		Optimizers: gan.Optimizers{Generator: optim.NewAdam(1e-3, 0.5, 0.9), Critic: optim.NewAdam(2e-3, 0.5, 0.9)}, BatchSize: 32,
	}
}
