package recipe

import (
	"gantry.local/gan"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
)

// ToyTopK is Toy whose generator learns, in the end, from the better half of its points alone (Sinha et al., 2020, arXiv:2002.06224).
func ToyTopK() gan.Experiment {
	exp := Toy()
	exp.Name, exp.Method = "toy-topk", method.TopKTraining{Steps: 5000}
	return exp
}

// FeatureMatching is MLP's pair whose generator matches the means of the critic's last features (Salimans et al., 2016,
// arXiv:1606.03498).
func FeatureMatching() gan.Experiment {
	exp := MLP()
	exp.Name, exp.Critic, exp.Method = "feature-matching", net.MLPFeatureCritic, method.FeatureMatching{}
	return exp
}

// SSGAN has a critic that also tells by how much an image was turned (Chen et al., 2019, arXiv:1811.11212), with hinge loss and
// spectral normalisation as in the paper.
func SSGAN() gan.Experiment {
	networks := net.DCGAN{Width: 16, Norm: net.NormSpectral, Classes: 4}
	exp := small("ssgan", loss.Hinge, net.NormSpectral)
	exp.Generator, exp.Critic, exp.Method = networks.Generator, networks.AuxiliaryCritic, method.SelfSupervised{}
	exp.Optimizers.EMA = 0.999
	return exp
}

// Diffusion is MLP's pair whose critic sees images after some steps of a diffusion, more of them as it becomes sure (Wang et al., 2022,
// arXiv:2206.02262).
func Diffusion() gan.Experiment {
	exp := MLP()
	exp.Name = "diffusion"
	exp.View.Augment, exp.View.Adapt = net.Diffusion{Sigma: 0.5}, net.Adaptive{Speed: 100_000}
	return exp
}
