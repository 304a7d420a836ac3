package recipe

import (
	"errors"
	"fmt"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/sample"
)

// On returns what the recipe called name describes on another data set, its networks of the size of that set's samples. It
// reads the set, of a stream the head. A recipe that is not among those that can do so keeps its networks.
func On(name string, set data.Set) (method.Description, error) {
	of, err := Named(name)
	if err != nil {
		return nil, err
	}
	like, err := set.Head()
	if err != nil {
		return nil, err
	}
	if of, err = method.With(of, method.Choice{Data: []data.Set{set}}); err != nil {
		return nil, err
	}
	return Size(of, like)
}

// Size returns what a recipe describes, which is known by its Name, with networks for samples like those of a set, of which the head
// is enough. It is an error where the recipe's networks are of another kind.
func Size(of method.Description, like *sample.Images) (method.Description, error) {
	exp, is := of.(gan.Experiment)
	if !is {
		return of, nil
	}
	err := size(&exp, like)
	return exp, err
}

func size(exp *gan.Experiment, like *sample.Images) error {
	fit, known := sizings()[exp.Name]
	if !known {
		return nil
	}
	made, is := formOf(like)
	if made != fit.form {
		return fmt.Errorf("recipe %s makes %s, and %s has %s: use recipe %s", exp.Name, fit.form, exp.Data.Name, is, made.recipe(like))
	}
	if err := fit.size(exp, like); err != nil {
		return fmt.Errorf("recipe %s on %s: %w", exp.Name, exp.Data.Name, err)
	}
	return nil
}

// form is what samples are.
type form uint8

const (
	ofPictures form = iota
	ofPoints
	ofSeries
	ofTexts
)

// String is what a recipe makes.
func (f form) String() string { return [...]string{"pictures", "points", "series", "texts"}[f] }

// recipe is the one that is taken for samples of a kind, where none is asked for.
func (f form) recipe(like *sample.Images) string {
	switch {
	case f == ofPoints:
		return "toy-r1r2"
	case f == ofSeries:
		return "sines"
	case f == ofTexts:
		return "phrases"
	case like.Channels > 1 && like.Height > 32:
		return "faces-64"
	case like.Channels > 1:
		return "faces"
	}
	return "mlp"
}

// formOf tells what the samples of a set are, and says so in words.
func formOf(like *sample.Images) (f form, is string) {
	switch {
	case like.Alphabet != nil:
		return ofTexts, fmt.Sprintf("texts of %d characters, %d different ones", like.Height, like.Depth())
	case like.Width > 1:
		return ofPictures, fmt.Sprintf("pictures of %d×%d×%d", like.Height, like.Width, like.Channels)
	case like.Height > 1:
		return ofSeries, fmt.Sprintf("series of %d steps and %d channels", like.Height, like.Channels)
	}
	return ofPoints, fmt.Sprintf("points of %d numbers", like.Channels)
}

// sizing is how a recipe's networks take the size of samples of a kind.
type sizing struct {
	form form
	size func(exp *gan.Experiment, like *sample.Images) error
}

// sizings are those of the recipes. Of the size of a recipe's own samples, they make the networks that the recipe has.
func sizings() map[string]sizing {
	return map[string]sizing{
		"article":        dense(func(m net.MLP) gan.Network { return m.Generator }),
		"article-packed": dense(func(m net.MLP) gan.Network { return m.NormGenerator }),
		"mlp":            dense(func(m net.MLP) gan.Network { return m.NormGenerator }),
		"private":        dense(func(m net.MLP) gan.Network { return m.NormGenerator }),
		"diffusion":      dense(func(m net.MLP) gan.Network { return m.NormGenerator }),

		"feature-matching": dense(func(m net.MLP) gan.Network { return m.NormGenerator }),

		"dcgan": convolutional(net.NormNone), "fashion": convolutional(net.NormNone), "faces": convolutional(net.NormNone),
		"faces-64": convolutional(net.NormNone), "wgan": convolutional(net.NormLayer), "wgan-gp": convolutional(net.NormLayer),
		"lsgan": convolutional(net.NormBatch), "sngan": convolutional(net.NormSpectral), "dragan": convolutional(net.NormNone),
		"rsgan": convolutional(net.NormNone), "diffaugment": convolutional(net.NormNone),
		"stacked": convolutional(net.NormBatch), "stacked-r1": {ofPictures, func(exp *gan.Experiment, like *sample.Images) error {
			networks := net.DCGAN{Size: like.Height, Channels: like.Channels, Width: 32}
			exp.Generator = networks.Generator
			networks.Width = 64
			exp.Critic = networks.Critic
			return net.Halvable(like.Height, like.Width)
		}},

		"resnet": {ofPictures, func(exp *gan.Experiment, like *sample.Images) error {
			networks := net.ResNet{Size: like.Height, Width: 32, Channels: like.Channels}
			exp.Generator, exp.Critic = networks.Generator, networks.Critic
			return net.Halvable(like.Height, like.Width)
		}},

		"ssgan": {ofPictures, func(exp *gan.Experiment, like *sample.Images) error {
			networks := net.DCGAN{Size: like.Height, Channels: like.Channels, Width: 16, Norm: net.NormSpectral, Classes: 4}
			exp.Generator, exp.Critic = networks.Generator, networks.AuxiliaryCritic
			return net.Halvable(like.Height, like.Width)
		}},
		"r3gan": {ofPictures, residual}, "r3gan-faces": {ofPictures, residual},
		"progressive": {ofPictures, func(exp *gan.Experiment, like *sample.Images) error {
			if err := net.Halvable(like.Height, like.Width); err != nil {
				return err
			}
			networks := net.Growing{Size: like.Height, Channels: like.Channels, Width: 16}
			exp.Generator, exp.Critic = networks.Generator, networks.Critic
			grows, is := exp.Method.(method.Growing)
			if !is {
				return errors.New("it grows: leave it its method")
			}
			grows.Stages = networks.Stages()
			exp.Method = grows
			return nil
		}},

		"cgan": classed(net.NormNone, func(exp *gan.Experiment, d net.DCGAN) { exp.View.ClassCritic = d.ConditionalCritic }),
		"projection": classed(net.NormSpectral, func(exp *gan.Experiment, d net.DCGAN) {
			exp.View.ClassCritic = d.ProjectionCritic
		}),
		"acgan":      classed(net.NormNone, func(exp *gan.Experiment, d net.DCGAN) { exp.Critic = d.AuxiliaryCritic }),
		"few-labels": classed(net.NormNone, func(exp *gan.Experiment, d net.DCGAN) { exp.View.ClassCritic = d.ProjectionCritic }),

		"toy": points(net.Toy{}), "toy-packed": points(net.Toy{}), "toy-r1r2": points(deeperToy()), "toy-unrolled": points(net.Toy{}), "toy-topk": points(net.Toy{}),

		"sines": {ofSeries, func(exp *gan.Experiment, like *sample.Images) error {
			if like.Height%4 != 0 {
				return fmt.Errorf("series of %d steps: the networks want a multiple of 4; set Window", like.Height)
			}
			exp.Generator = net.SequenceGenerator(like.Height, 64, like.Channels)
			return nil
		}},
		"phrases": {ofTexts, func(exp *gan.Experiment, like *sample.Images) error {
			exp.Generator = net.Text{Steps: like.Height, Vocabulary: like.Depth()}.Generator
			return nil
		}},
	}
}

// dense sizes generators of dense layers. Their critics see images of any size.
func dense(generator func(m net.MLP) gan.Network) sizing {
	return sizing{ofPictures, func(exp *gan.Experiment, like *sample.Images) error {
		exp.Generator = generator(net.MLP{Height: like.Height, Width: like.Width, Channels: like.Channels})
		return nil
	}}
}

// convolutional sizes a pair of net.DCGAN.
func convolutional(norm net.Norm) sizing {
	return sizing{ofPictures, func(exp *gan.Experiment, like *sample.Images) error {
		networks := net.DCGAN{Size: like.Height, Channels: like.Channels, Width: 32, Norm: norm}
		exp.Generator, exp.Critic = networks.Generator, networks.Critic
		return net.Halvable(like.Height, like.Width)
	}}
}

// classed sizes a pair of net.DCGAN that is told the class.
func classed(norm net.Norm, critic func(exp *gan.Experiment, d net.DCGAN)) sizing {
	return sizing{ofPictures, func(exp *gan.Experiment, like *sample.Images) error {
		if like.Labels == nil {
			return errors.New("it tells classes apart, and the set has none: sort its pictures into a folder for each class, or use another recipe")
		}
		networks := net.DCGAN{Size: like.Height, Channels: like.Channels, Width: 32, Norm: norm, Classes: like.Classes()}
		exp.View.ClassGenerator = networks.ConditionalGenerator
		critic(exp, networks)
		return net.Halvable(like.Height, like.Width)
	}}
}

// residual sizes a pair of net.R3GAN.
func residual(exp *gan.Experiment, like *sample.Images) error {
	networks := net.R3GAN{Size: like.Height, Channels: like.Channels, Width: 24}
	exp.Generator, exp.Critic = networks.Generator, networks.Critic
	return net.Halvable(like.Height, like.Width)
}

// points sizes a pair of net.Toy. A latent of fewer numbers than a point has could not fill its space.
func points(pair net.Toy) sizing {
	return sizing{ofPoints, func(exp *gan.Experiment, like *sample.Images) error {
		networks := pair
		networks.Channels = like.Channels
		exp.Generator, exp.Critic = networks.Generator, networks.Critic
		exp.Latent = max(exp.Latent, like.Channels)
		return nil
	}}
}
