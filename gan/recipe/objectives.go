package recipe

import (
	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// ResNet is SNGAN's residual pair (Miyato et al., 2018, arXiv:1802.05957) with its hinge loss and Adam, small enough for a
// CPU.
func ResNet() gan.Experiment {
	networks := net.ResNet{Width: 32}
	adam := optim.NewAdam(2e-4, 0, 0.9)
	return gan.Experiment{
		Name: "resnet", Data: data.MNIST(), Generator: networks.Generator, Critic: networks.Critic,
		Loss: loss.Hinge, Optimizers: averaged(adam, 0.999),
	}
}

// small is DCGAN's pair at half the width, on which the recipes below try one objective each.
func small(name string, l loss.Loss, norm net.Norm) gan.Experiment {
	networks := net.DCGAN{Width: 32, Norm: norm}
	return gan.Experiment{
		Name: name, Data: data.MNIST(), Generator: networks.Generator, Critic: networks.Critic,
		Loss: l, Optimizers: gan.Both(dcganAdam()),
	}
}

// WGAN clips the critic's weights to ±0.01, updates it five times per step, and moves both networks by RMSProp (Arjovsky et al.,
// 2017, arXiv:1701.07875, algorithm 1).
func WGAN() gan.Experiment {
	exp := small("wgan", loss.Wasserstein, net.NormLayer)
	exp.Method = method.Alternating{CriticSteps: 5}
	exp.Optimizers = gan.Both(optim.NewRMSProp(5e-5))
	exp.Optimizers.ClipWeights = 0.01
	return exp
}

// WGANGP is Gulrajani et al.'s objective (2017, arXiv:1704.00028): weight 10, five critic updates per step, layer
// normalisation in the critic.
func WGANGP() gan.Experiment {
	exp := small("wgan-gp", loss.Wasserstein, net.NormLayer)
	exp.Penalties, exp.Method = []loss.Penalty{loss.WGANGP(10)}, method.Alternating{CriticSteps: 5}
	exp.Optimizers = gan.Both(optim.NewAdam(2e-4, 0, 0.9))
	return exp
}

// LSGAN is Mao et al.'s least squares (2016, arXiv:1611.04076).
func LSGAN() gan.Experiment { return small("lsgan", loss.LeastSquares, net.NormBatch) }

// SNGAN is the hinge loss with a spectrally normalised critic (Miyato et al., 2018, arXiv:1802.05957).
func SNGAN() gan.Experiment { return small("sngan", loss.Hinge, net.NormSpectral) }

// DRAGAN is cross-entropy with Kodali et al.'s penalty around the data (2017, arXiv:1705.07215).
func DRAGAN() gan.Experiment {
	exp := small("dragan", loss.NonSaturating, net.NormNone)
	exp.Penalties = []loss.Penalty{loss.DRAGAN(10)}
	return exp
}

// RSGAN is the relativistic paired loss with R1 and R2 (Huang et al., "The GAN is dead; long live the GAN!", 2025,
// arXiv:2501.05441), which has a guarantee of local convergence.
func RSGAN() gan.Experiment {
	exp := small("rsgan", loss.Paired, net.NormNone)
	exp.Penalties = []loss.Penalty{loss.R1(1), loss.R2(1)}
	return exp
}

// DiffAugment trains on 6000 digits, with differentiable augmentation (Zhao et al., 2020, arXiv:2006.10738) whose strength
// follows how much the critic has learned its images by heart (ADA: Karras et al., 2020, arXiv:2006.06676).
func DiffAugment() gan.Experiment {
	exp := small("diffaugment", loss.NonSaturating, net.NormNone)
	exp.Data = data.Subset(data.MNIST(), 6000, 1)
	exp.Penalties = []loss.Penalty{loss.R1(1)}
	exp.View.Augment, exp.View.Adapt = net.DiffAugment{Translation: 0.125, Cutout: 0.25}, net.Adaptive{}
	return exp
}

// Private bounds and blurs what each image does to the critic (DP-SGD); gan.Spent tells the privacy spent. Its samples
// are far from the other recipes': that is the price.
func Private() gan.Experiment {
	exp := MLP()
	exp.Name = "private"
	exp.Method = method.Private{Clip: 1, Noise: 0.6}
	return exp
}
