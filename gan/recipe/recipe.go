// Package recipe holds named, ready-made experiments.
package recipe

import (
	"fmt"
	"strings"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/net"
)

// Recipe is an experiment with a name and a line about it.
type Recipe struct {
	Name  string
	About string
	Make  func() gan.Experiment
}

// All lists the recipes, simplest first.
func All() []Recipe {
	return []Recipe{
		{"article", "the article's networks and loss, trained correctly; collapses to one image on MNIST", Article},
		{"mlp", "the same generator widths, stabilised; all ten digits within minutes", MLP},
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

// Article is the article's generator and critic, its binary cross-entropy on logits, Adam with Keras' defaults, and its
// first training loop at its batch size of 32.
func Article() gan.Experiment {
	adam := gan.Adam{Rate: 1e-3, Epsilon: 1e-7}
	return gan.Experiment{
		Name: "article", Data: data.MNIST(), Latent: 100,
		Generator: net.MLPGenerator, Critic: net.ConvCritic,
		Order: gan.AlternatingHalves, GeneratorAdam: adam, CriticAdam: adam, BatchSize: 32,
	}
}

// MLP keeps the generator's widths and adds what stops the collapse: batch normalisation in the generator, a critic of
// dense layers with LeakyReLU, and packing: the critic judges two images at a time, so that a pair of equal images gives
// itself away (Lin et al., "PacGAN", 2017, arXiv:1712.04086). Rate and momentum are DCGAN's (Radford et al., 2015,
// arXiv:1511.06434).
func MLP() gan.Experiment {
	adam := gan.Adam{Rate: 2e-4, Beta1: 0.5}
	return gan.Experiment{
		Name: "mlp", Data: data.MNIST(), Latent: 100,
		Generator: net.NormMLPGenerator, Critic: net.MLPCritic,
		Pack: 2, GeneratorAdam: adam, CriticAdam: adam, BatchSize: 64,
	}
}
