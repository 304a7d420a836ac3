package recipe

import (
	"gantry.local/gan/data"
	"gantry.local/gan/kind"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// CycleGAN makes thin digits thick and thick ones thin (Zhu et al., 2017, arXiv:1703.10593). The thick ones are made of other digits, so
// that there are no pairs; what a digit should become is known all the same, which measures the translation.
func CycleGAN() kind.CycleGAN {
	thin, other := data.Split(data.MNIST(), 0.5, 1)
	critic := net.DCGAN{Width: 16}
	return kind.CycleGAN{
		Common:  kind.Common{Name: "cyclegan", Data: thin, BatchSize: 32, Optimizer: optim.NewAdam(5e-4, 0.5, 0.999)},
		Other:   data.Thick(other),
		Forward: net.Translator, Back: net.Translator, ForwardCritic: critic.Critic, BackCritic: critic.Critic,
	}
}
