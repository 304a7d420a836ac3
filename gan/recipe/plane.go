package recipe

import (
	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// Toy is a pair of small dense networks on a ring of eight Gaussians. Name another set with --data: grid, moons,
// swiss-roll.
func Toy() gan.Experiment {
	networks := net.Toy{}
	adam := optim.NewAdam(1e-3, 0.5, 0.999)
	return gan.Experiment{
		Name: "toy", Data: data.Ring8().Set(0, 0), Latent: 2,
		Generator: networks.Generator, Critic: networks.Critic,
		Optimizers: gan.Both(adam), BatchSize: 128,
	}
}

// ToyPacked is Toy with four points per judgement (PacGAN4: Lin et al., 2017, arXiv:1712.04086).
func ToyPacked() gan.Experiment {
	exp := Toy()
	exp.Name, exp.View.Pack = "toy-packed", 4
	return exp
}

// ToyR1R2 is Toy with the relativistic paired loss, R1 and R2 (Huang et al., 2025, arXiv:2501.05441), and with a third hidden
// layer in both networks: what a generator has between two modes is the narrower the deeper it is.
func ToyR1R2() gan.Experiment {
	exp := Toy()
	networks := deeperToy()
	exp.Generator, exp.Critic = networks.Generator, networks.Critic
	exp.Name, exp.Loss = "toy-r1r2", loss.Paired
	exp.Penalties = []loss.Penalty{loss.R1(0.1), loss.R2(0.1)}
	adam := optim.Scheduled{Of: optim.NewAdam(2e-3, 0.5, 0.999), Schedule: optim.Cosine{Steps: 15_000}}
	exp.Optimizers = averaged(adam, 0.999)
	return exp
}

// deeperToy are the networks of ToyR1R2.
func deeperToy() net.Toy { return net.Toy{Layers: 3} }

// ToyUnrolled is Toy whose generator looks five critic updates ahead (Metz et al., 2016, arXiv:1611.02163).
func ToyUnrolled() gan.Experiment {
	exp := Toy()
	exp.Name, exp.Method = "toy-unrolled", method.Unrolled{Ahead: 5}
	return exp
}
