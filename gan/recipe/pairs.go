package recipe

import (
	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// Article is the article's generator and critic, its binary cross-entropy on logits, Adam with Keras' defaults, and its
// first training loop at its batch size of 32.
func Article() gan.Experiment {
	adam := optim.Adam{Rate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7}
	return gan.Experiment{
		Name: "article", Data: data.MNIST(), Latent: 100,
		Generator: net.MLPGenerator, Critic: net.ConvCritic,
		Method: method.Halves{}, Optimizers: gan.Both(adam), BatchSize: 32,
	}
}

// ArticlePacked keeps the article's widths and its critic of convolutions and max-pooling, and adds what saves them:
// batch normalisation in the generator, LeakyReLU in both, and packing, four images per judgement (Lin et al., "PacGAN",
// 2017, arXiv:1712.04086).
func ArticlePacked() gan.Experiment {
	adam := optim.NewAdam(5e-4, 0.5, 0.999)
	return gan.Experiment{
		Name: "article-packed", Data: data.MNIST(), Latent: 100,
		Generator: net.NormMLPGenerator, Critic: net.LeakyConvCritic,
		View: gan.View{Pack: 4}, Optimizers: gan.Both(adam), BatchSize: 64,
	}
}

// MLP keeps the generator's widths and adds what stops the collapse: batch normalisation in the generator and a critic of
// dense layers with LeakyReLU, which sees every pixel. The momentum is DCGAN's (Radford et al., 2015, arXiv:1511.06434);
// a higher rate and averaged weights give better digits in a few minutes.
func MLP() gan.Experiment {
	adam := optim.NewAdam(5e-4, 0.5, 0.999)
	return gan.Experiment{
		Name: "mlp", Data: data.MNIST(), Latent: 100,
		Generator: net.NormMLPGenerator, Critic: net.MLPCritic,
		Optimizers: averaged(adam, 0.999), BatchSize: 64,
	}
}

// DCGAN is Radford et al.'s pair (2015, arXiv:1511.06434) for 28×28, at half the usual width and without batch statistics
// in the critic. On two cores more steps are worth more than more channels. The critic judges two images at a time, so that a
// pair of equal images gives itself away (Lin et al., "PacGAN", 2017, arXiv:1712.04086), and it is held flat where the digits are
// ([loss.R1], lazily), which evens out how often each digit comes.
func DCGAN() gan.Experiment {
	networks := net.DCGAN{Width: 32}
	adam := optim.NewAdam(1e-3, 0.5, 0.999)
	return gan.Experiment{
		Name: "dcgan", Data: data.MNIST(), Latent: 100,
		Generator: networks.Generator, Critic: networks.Critic,
		Penalties: []loss.Penalty{loss.R1(2)}, Method: method.Alternating{PenaltyEvery: 8},
		View: gan.View{Pack: 2}, Optimizers: averaged(adam, 0.999), BatchSize: 64,
	}
}
