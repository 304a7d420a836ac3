package recipe

import (
	"gantry.local/gan"
	"gantry.local/gan/loss"
	"gantry.local/gan/net"
)

// CGAN tells both networks the class (Mirza and Osindero, 2014, arXiv:1411.1784).
func CGAN() gan.Experiment {
	networks := net.DCGAN{Width: 32}
	exp := small("cgan", loss.NonSaturating, net.NormNone)
	exp.Generator, exp.Critic = nil, nil
	exp.ClassGenerator, exp.ClassCritic = networks.ConditionalGenerator, networks.ConditionalCritic
	exp.EMA = 0.999
	return exp
}

// Projection has a critic whose logit is an inner product with the class's vector (Miyato and Koyama, 2018,
// arXiv:1802.05637), hinge loss and spectral normalisation.
func Projection() gan.Experiment {
	networks := net.DCGAN{Width: 32, Norm: net.NormSpectral}
	exp := CGAN()
	exp.Name, exp.Loss = "projection", loss.Hinge
	exp.ClassGenerator, exp.ClassCritic = networks.ConditionalGenerator, networks.ProjectionCritic
	return exp
}

// ACGAN has a critic that also names the class (Odena et al., 2016, arXiv:1610.09585).
func ACGAN() gan.Experiment {
	networks := net.DCGAN{Width: 32}
	exp := CGAN()
	exp.Name, exp.ClassCritic, exp.Critic = "acgan", nil, networks.AuxiliaryCritic
	return exp
}
