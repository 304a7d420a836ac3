// Package recipe holds named, ready-made experiments. Each is an ordinary gan.Experiment of a few lines, or a method.Game, to be run
// as it is, changed, or taken as a pattern; each passes lint.CheckOf.
//
// Reading order: recipe.go (the list), pairs.go (the article's pair and what stabilises it), objectives.go (one pair of
// networks under the losses and penalties of the literature), judgement.go (what else a critic can be asked), architectures.go (other
// networks), encoders.go (networks beside the two), domains.go (two sets of images), classes.go (class-conditional), plane.go (points in
// the plane, where every lost mode is seen), series.go (time series and text), pictures.go (other data), sizes.go (networks that take the
// size of other data), choose.go (a recipe for data), show.go (the list in a notebook).
package recipe

import (
	"fmt"
	"strings"

	"gantry.local/gan"
	"gantry.local/gan/method"
	"gantry.local/gan/optim"
)

// Recipe is a description with a name, which is its game's too, and a line about it.
type Recipe struct {
	Name  string
	About string
	Make  func() method.Description // a gan.Experiment, or any other game
}

// of is a recipe that a function makes.
func of[D method.Description](name, about string, make func() D) Recipe {
	return Recipe{name, about, func() method.Description { return make() }}
}

// keptRecipe stands in for a Recipe in a notebook whose variables live on from cell to cell.
type keptRecipe struct{ Name string }

// Kept returns what a notebook keeps of the recipe between two cells: its name, by which there must be one.
func (r Recipe) Kept() (any, error) {
	if r.Name != "" || r.Make != nil {
		if _, err := named(r.Name); err != nil {
			return nil, err
		}
	}
	return keptRecipe{r.Name}, nil
}

// Restored returns the recipe again.
func (k keptRecipe) Restored() (any, error) {
	if k.Name == "" { // of a variable that had none
		return Recipe{}, nil
	}
	return named(k.Name)
}

// All lists the recipes, in reading order.
func All() Recipes {
	return Recipes{
		of("article", "the article's networks and loss, trained correctly; collapses to one image on MNIST", Article),
		of("article-packed", "the article's critic saved: batch norm, LeakyReLU, and four images judged at once", ArticlePacked),
		of("mlp", "dense layers, stabilised; the best digits within minutes", MLP),
		of("dcgan", "convolutions; the most varied digits within minutes", DCGAN),
		of("resnet", "residual blocks, hinge loss and spectral norm (SNGAN)", ResNet),

		of("wgan", "Wasserstein loss with clipped weights", WGAN),
		of("wgan-gp", "Wasserstein loss with the gradient penalty", WGANGP),
		of("lsgan", "least squares", LSGAN),
		of("sngan", "hinge loss with spectral norm", SNGAN),
		of("dragan", "cross-entropy with the penalty around the data", DRAGAN),
		of("rsgan", "relativistic paired loss with R1 and R2", RSGAN),
		of("diffaugment", "a tenth of the digits, augmented in front of the critic with adaptive strength", DiffAugment),
		of("private", "critic updates with differential privacy", Private),

		of("feature-matching", "the generator matches the means of the critic's features", FeatureMatching),
		of("ssgan", "the critic also tells by how much an image was turned", SSGAN),
		of("diffusion", "the critic sees images after some steps of a diffusion", Diffusion),
		of("r3gan", "residual blocks without normalisation, relativistic with R1 and R2", R3GAN),
		of("r3gan-faces", "the same on drawn faces in colour, 32×32", R3GANFaces),
		of("progressive", "7×7 first, then 14×14 and 28×28 faded in", Progressive),
		of("style", "a mapping network, styles, and paths of even length (StyleGAN2)", Style),

		of("infogan", "ten classes and two numbers found without labels", InfoGAN),
		of("bigan", "an encoder learned by a critic of pairs (BiGAN, ALI)", BiGAN),
		of("vae-gan", "an encoder, compared by features of the critic", VAEGAN),
		of("began", "a critic that restores images, kept in balance", BEGAN),
		of("cyclegan", "thin digits made thick and back, without pairs", CycleGAN),

		of("cgan", "class-conditional: both networks are told the digit", CGAN),
		of("projection", "class-conditional: projection critic, hinge loss, spectral norm", Projection),
		of("acgan", "class-conditional: the critic also names the digit", ACGAN),

		of("few-labels", "class-conditional, from a hundred digits per class, augmented", FewLabels),

		of("toy", "points in the plane (ring of 8), dense networks", Toy),
		of("toy-packed", "the same, four points judged at once", ToyPacked),
		of("toy-r1r2", "a layer deeper, relativistic with R1 and R2", ToyR1R2),
		of("toy-unrolled", "the same, looking five critic updates ahead", ToyUnrolled),
		of("toy-topk", "the same, learning from the better half of the points alone", ToyTopK),

		of("sines", "time series of sine waves by a recurrent generator", Sines),
		of("phrases", "short phrases, character by character, with Gumbel-softmax", Phrases),

		of("fashion", "dcgan on Fashion-MNIST", Fashion),
		of("faces", "pictures in colour, drawn faces of 32×32; what a folder is trained by", Faces),
		of("faces-64", "the same at 64×64", Faces64),
		of("stacked", "DCGAN on Stacked MNIST, 1000 modes", Stacked),
		of("stacked-r1", "the same with R1, a wider critic, and a rate that falls", StackedR1),
	}
}

// Named returns what the recipe called name describes, or an error that lists the names there are.
func Named(name string) (method.Description, error) {
	r, err := named(name)
	if err != nil {
		return nil, err
	}
	return r.Make(), nil
}

func named(name string) (Recipe, error) {
	var names []string
	for _, r := range All() {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return Recipe{}, fmt.Errorf("unknown recipe %q: use one of %s", name, strings.Join(names, ", "))
}

// dcganAdam has the rate and momentum of Radford et al., 2015, arXiv:1511.06434.
func dcganAdam() optim.Optimizer { return optim.NewAdam(2e-4, 0.5, 0.999) }

// averaged moves both networks by one rule and keeps an average of the generator's weights.
func averaged(o optim.Optimizer, decay float64) gan.Optimizers {
	both := gan.Both(o)
	both.EMA = decay
	return both
}
