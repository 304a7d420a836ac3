package recipe

import (
	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/kind"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// R3GAN is a pair of residual blocks without normalisation under the relativistic paired loss with R1 and R2 (Huang et al., 2024,
// arXiv:2501.05441), small enough for a CPU. RSGAN has the same objective on DCGAN's pair.
func R3GAN() gan.Experiment {
	networks := net.R3GAN{Width: 24}
	return gan.Experiment{
		Name: "r3gan", Data: data.MNIST(), Latent: 64, Generator: networks.Generator, Critic: networks.Critic,
		Loss: loss.Paired, Penalties: []loss.Penalty{loss.R1(1), loss.R2(1)}, Method: method.Alternating{PenaltyEvery: 4},
		Optimizers: averaged(optim.NewAdam(5e-4, 0, 0.99), 0.999),
	}
}

// R3GANFaces is R3GAN on drawn faces of 32×32 in colour.
func R3GANFaces() gan.Experiment {
	networks := net.R3GAN{Size: 32, Channels: 3, Width: 24}
	exp := R3GAN()
	exp.Name, exp.Data = "r3gan-faces", Faces().Data
	exp.Generator, exp.Critic = networks.Generator, networks.Critic
	return exp
}

// Progressive begins with images of 7×7 and fades in 14×14 and 28×28 (Karras et al., 2017, arXiv:1710.10196), with R1 in the place of the
// paper's WGAN-GP.
func Progressive() gan.Experiment {
	networks := net.Growing{Width: 16}
	return gan.Experiment{
		Name: "progressive", Data: data.MNIST(), Latent: 64, Generator: networks.Generator, Critic: networks.Critic,
		Penalties: []loss.Penalty{loss.R1(1)}, Method: method.Growing{Alternating: method.Alternating{PenaltyEvery: 4}, Stages: networks.Stages()},
		Optimizers: averaged(optim.NewAdam(1e-3, 0, 0.99), 0.995),
	}
}

// Style has a mapping network, styles and regularised paths (StyleGAN2: Karras et al., 2019, arXiv:1912.04958), small enough for a CPU.
func Style() kind.Style {
	networks := net.Style{Width: 8}
	return kind.Style{
		Common:  kind.Common{Name: "style", Data: data.MNIST(), Latent: 64, Optimizer: optim.NewAdam(1e-3, 0, 0.99), EMA: 0.995},
		Mapping: networks.Map, Synthesis: networks.Synthesise, Critic: networks.Critic,
	}
}
