package recipe

import (
	"gantry.local/gan/data"
	"gantry.local/gan/kind"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// InfoGAN finds ten classes and two numbers in digits without labels (Chen et al., 2016, arXiv:1606.03657).
func InfoGAN() kind.InfoGAN {
	reader := net.Encoder{Outputs: 12} // ten classes and two numbers
	return kind.InfoGAN{
		Common:    kind.Common{Name: "infogan", Data: data.MNIST(), Latent: 28, Optimizer: optim.NewAdam(5e-4, 0.5, 0.999), EMA: 0.995},
		Generator: net.NormMLPGenerator, Critic: net.MLPCritic, Reader: reader.MLP,
	}
}

// BiGAN learns to encode digits beside generating them (Donahue et al., 2016, arXiv:1605.09782; ALI: Dumoulin et al., 2016,
// arXiv:1606.00704).
func BiGAN() kind.BiGAN {
	encoder := net.Encoder{Outputs: 16}
	return kind.BiGAN{
		Common:    kind.Common{Name: "bigan", Data: data.MNIST(), Latent: 16, Optimizer: optim.NewAdam(5e-4, 0.5, 0.999)},
		Generator: net.NormMLPGenerator, Encoder: encoder.MLP, Critic: net.JointCritic,
	}
}

// VAEGAN encodes and decodes digits, compared by features of the critic (Larsen et al., 2015, arXiv:1512.09300).
func VAEGAN() kind.VAEGAN {
	encoder := net.Encoder{Outputs: 64} // means and variances of 32 components
	return kind.VAEGAN{
		Common:    kind.Common{Name: "vae-gan", Data: data.MNIST(), Latent: 32, Optimizer: optim.NewAdam(5e-4, 0.5, 0.999)},
		Generator: net.NormMLPGenerator, Encoder: encoder.MLP, Critic: net.MLPFeatureCritic,
	}
}

// BEGAN has a critic that restores images, and balances how well it does so (Berthelot et al., 2017, arXiv:1703.10717).
// The balance moves twenty times as fast as in the paper, whose runs are two hundred thousand steps.
func BEGAN() kind.BEGAN {
	return kind.BEGAN{
		Common:    kind.Common{Name: "began", Data: data.MNIST(), Latent: 32, Optimizer: optim.NewAdam(5e-4, 0.5, 0.999), EMA: 0.995},
		Generator: net.NormMLPGenerator, Critic: net.MLPAutoencoder, Diversity: 0.7, Speed: 0.02,
	}
}
