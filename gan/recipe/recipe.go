// Package recipe holds named, ready-made experiments. Each is an ordinary gan.Experiment of a few lines, to be run as it
// is, changed, or taken as a pattern; each passes Experiment.Check.
//
// Reading order: recipe.go (the list), pairs.go (the article's pair and what stabilises it), objectives.go (one pair of
// networks under the losses and penalties of the literature), classes.go (class-conditional), plane.go (points in the
// plane, where every lost mode is seen), series.go (time series and text), pictures.go (other data), sizes.go (networks
// that take the size of other data), choose.go (a recipe for data), show.go (the list in a notebook).
package recipe

import (
	"fmt"
	"strings"

	"gantry.local/gan"
	"gantry.local/gan/optim"
)

// Recipe is an experiment with a name and a line about it.
type Recipe struct {
	Name  string
	About string
	Make  func() gan.Experiment
}

// All lists the recipes, in reading order.
func All() Recipes {
	return Recipes{
		{"article", "the article's networks and loss, trained correctly; collapses to one image on MNIST", Article},
		{"article-packed", "the article's critic saved: batch norm, LeakyReLU, and four images judged at once", ArticlePacked},
		{"mlp", "dense layers, stabilised; the best digits within minutes", MLP},
		{"dcgan", "convolutions; the most varied digits within minutes", DCGAN},
		{"resnet", "residual blocks, hinge loss and spectral norm (SNGAN)", ResNet},

		{"wgan", "Wasserstein loss with clipped weights", WGAN},
		{"wgan-gp", "Wasserstein loss with the gradient penalty", WGANGP},
		{"lsgan", "least squares", LSGAN},
		{"sngan", "hinge loss with spectral norm", SNGAN},
		{"dragan", "cross-entropy with the penalty around the data", DRAGAN},
		{"rsgan", "relativistic paired loss with R1 and R2", RSGAN},
		{"diffaugment", "a tenth of the digits, augmented in front of the critic with adaptive strength", DiffAugment},
		{"private", "critic updates with differential privacy", Private},

		{"cgan", "class-conditional: both networks are told the digit", CGAN},
		{"projection", "class-conditional: projection critic, hinge loss, spectral norm", Projection},
		{"acgan", "class-conditional: the critic also names the digit", ACGAN},

		{"few-labels", "class-conditional, from a hundred digits per class, augmented", FewLabels},

		{"toy", "points in the plane (ring of 8), dense networks", Toy},
		{"toy-packed", "the same, four points judged at once", ToyPacked},
		{"toy-r1r2", "the same, relativistic with R1 and R2", ToyR1R2},
		{"toy-unrolled", "the same, looking five critic updates ahead", ToyUnrolled},

		{"sines", "time series of sine waves by a recurrent generator", Sines},
		{"phrases", "short phrases, character by character, with Gumbel-softmax", Phrases},

		{"fashion", "dcgan on Fashion-MNIST", Fashion},
		{"faces", "pictures in colour, drawn faces of 32×32; what a folder is trained by", Faces},
		{"faces-64", "the same at 64×64", Faces64},
		{"stacked", "DCGAN on Stacked MNIST, 1000 modes", Stacked},
		{"stacked-r1r2", "the same, relativistic with R1 and R2", StackedR1R2},
	}
}

// Named returns the experiment of the recipe called name, or an error that lists the names there are.
func Named(name string) (gan.Experiment, error) {
	var names []string
	for _, r := range All() {
		if r.Name == name {
			return r.Make(), nil
		}
		names = append(names, r.Name)
	}
	return gan.Experiment{}, fmt.Errorf("unknown recipe %q: use one of %s", name, strings.Join(names, ", "))
}

// dcganAdam has the rate and momentum of Radford et al., 2015, arXiv:1511.06434.
func dcganAdam() optim.Optimizer { return optim.NewAdam(2e-4, 0.5, 0.999) }

// averaged moves both networks by one rule and keeps an average of the generator's weights.
func averaged(o optim.Optimizer, decay float64) gan.Optimizers {
	both := gan.Both(o)
	both.EMA = decay
	return both
}
