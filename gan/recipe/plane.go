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

// ToyR1R2 is Toy with the relativistic paired loss, R1 and R2 (Huang et al., 2025, arXiv:2501.05441).
func ToyR1R2() gan.Experiment {
	exp := Toy()
	exp.Name, exp.Loss = "toy-r1r2", loss.Paired
	exp.Penalties = []loss.Penalty{loss.R1(0.1), loss.R2(0.1)}
	adam := optim.Scheduled{Of: optim.NewAdam(2e-3, 0.5, 0.999), Schedule: optim.Cosine{Steps: 15_000}}
	exp.Optimizers = averaged(adam, 0.999)
	return exp
}

// ToyUnrolled is Toy whose generator looks five critic updates ahead (Metz et al., 2016, arXiv:1611.02163).
func ToyUnrolled() gan.Experiment {
	exp := Toy()
	exp.Name, exp.Method = "toy-unrolled", method.Unrolled{Ahead: 5}
	return exp
}
