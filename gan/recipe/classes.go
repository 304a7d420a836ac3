package recipe

import (
	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
)

// CGAN tells both networks the class (Mirza and Osindero, 2014, arXiv:1411.1784).
func CGAN() gan.Experiment {
	networks := net.DCGAN{Width: 32}
	exp := small("cgan", loss.NonSaturating, net.NormNone)
	exp.Generator, exp.Critic = nil, nil
	exp.View.ClassGenerator, exp.View.ClassCritic = networks.ConditionalGenerator, networks.ConditionalCritic
	exp.Optimizers.EMA = 0.999
	return exp
}

// Projection has a critic whose logit is an inner product with the class's vector (Miyato and Koyama, 2018,
// arXiv:1802.05637), hinge loss and spectral normalisation.
func Projection() gan.Experiment {
	networks := net.DCGAN{Width: 32, Norm: net.NormSpectral}
	exp := CGAN()
	exp.Name, exp.Loss = "projection", loss.Hinge
	exp.View.ClassGenerator, exp.View.ClassCritic = networks.ConditionalGenerator, networks.ProjectionCritic
	return exp
}

// ACGAN has a critic that also names the class (Odena et al., 2016, arXiv:1610.09585). The class counts a fifth of what it does in the
// paper: at 1 the generator finds what is surest to be called a one before it has learned to draw one, an empty image.
func ACGAN() gan.Experiment {
	networks := net.DCGAN{Width: 32}
	exp := CGAN()
	exp.Name, exp.View.ClassCritic, exp.Critic = "acgan", nil, networks.AuxiliaryCritic
	exp.View.Auxiliary = new(0.2)
	return exp
}

// FewLabels is ACGAN's and CGAN's task on a hundred digits per class: the projection critic sees them augmented (Zhao et
// al., 2020, arXiv:2006.10738), or it would learn them by heart.
func FewLabels() gan.Experiment {
	networks := net.DCGAN{Width: 32}
	exp := CGAN()
	exp.Name, exp.Data = "few-labels", data.Balanced(data.MNIST(), 100, 1)
	exp.View.ClassCritic = networks.ProjectionCritic
	exp.Penalties, exp.Method = []loss.Penalty{loss.R1(1)}, method.Alternating{PenaltyEvery: 4}
	exp.View.Augment = net.DiffAugment{Translation: 0.125, Cutout: 0.25}
	return exp
}
