package recipe

import (
	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// Fashion is DCGAN on Fashion-MNIST (Xiao et al., 2017, arXiv:1708.07747).
func Fashion() gan.Experiment {
	exp := DCGAN()
	exp.Name, exp.Data = "fashion", data.FashionMNIST()
	return exp
}

// Faces trains on 20 000 drawn faces of 32×32 in colour.
func Faces() gan.Experiment {
	networks := net.DCGAN{Size: 32, Channels: 3, Width: 32}
	adam := optim.NewAdam(5e-4, 0.5, 0.999)
	return gan.Experiment{
		Name: "faces", Data: data.Faces(data.FacesOptions{N: 20_000}),
		Generator: networks.Generator, Critic: networks.Critic,
		Loss: loss.NonSaturating, Penalties: []loss.Penalty{loss.R1(1)},
		Method: method.Alternating{PenaltyEvery: 4}, Optimizers: averaged(adam, 0.999),
	}
}

// Faces64 is Faces at 64×64, on 10 000 of them.
func Faces64() gan.Experiment {
	exp := Faces()
	networks := net.DCGAN{Size: 64, Channels: 3, Width: 32}
	exp.Name, exp.Data = "faces-64", data.Faces(data.FacesOptions{N: 10_000, Size: 64})
	exp.Generator, exp.Critic = networks.Generator, networks.Critic
	return exp
}

// Stacked is DCGAN on Stacked MNIST: three digits in three colours, a thousand modes (Metz et al., 2016,
// arXiv:1611.02163).
func Stacked() gan.Experiment {
	networks := net.DCGAN{Channels: 3, Width: 32, Norm: net.NormBatch}
	return gan.Experiment{
		Name: "stacked", Data: data.StackedMNIST(0), Generator: networks.Generator, Critic: networks.Critic,
		Optimizers: gan.Both(dcganAdam()),
	}
}

// StackedR1 is Stacked with R1 in every eighth step, as [DCGAN] has it, in the place of the critic's batch norm, and a critic twice as wide,
// which sees sooner that a number comes too seldom. A rate that falls in the end evens out how often each comes.
func StackedR1() gan.Experiment {
	exp := Stacked()
	exp.Name, exp.Critic = "stacked-r1", net.DCGAN{Channels: 3, Width: 64}.Critic
	exp.Penalties, exp.Method = []loss.Penalty{loss.R1(0.3)}, method.Alternating{PenaltyEvery: 8}
	adam := optim.Scheduled{Of: optim.NewAdam(1e-3, 0.5, 0.999), Schedule: optim.Linear{From: 8000, To: 16_000}}
	exp.Optimizers = averaged(adam, 0.999)
	return exp
}
