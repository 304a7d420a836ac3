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

// Phrases trains a recurrent generator that writes short phrases character by character with straight-through Gumbel-softmax (Jang et al.,
// 2016, arXiv:1611.01144) and the convolutional critic of WGAN-GP's language model (Gulrajani et al., 2017, arXiv:1704.00028), by the
// relativistic paired loss with R1 and R2 (Huang et al., 2025, arXiv:2501.05441).
func Phrases() gan.Experiment {
	const length, letters = 16, 23
	adam := func(rate float64) optim.Optimizer {
		return optim.Scheduled{Of: optim.NewAdam(rate, 0.5, 0.99), Schedule: optim.Linear{From: 3000, To: 6000, Final: 0.05}}
	}
	return gan.Experiment{
		Name: "phrases", Data: data.Phrases(), Latent: 32,
		Generator: net.Text{Steps: length, Vocabulary: letters}.Generator, Critic: net.Text{}.Critic,
		Loss: loss.Paired, Penalties: []loss.Penalty{loss.R1(0.3), loss.R2(0.3)},
		Optimizers: gan.Optimizers{Generator: adam(1e-3), Critic: adam(2e-3), EMA: 0.998}, BatchSize: 32,
	}
}
