package spec

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"gantry.local/gan"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/part"
	"gantry.local/gan/recipe"
)

// Key is something that a spec can say.
type Key struct {
	Name  string
	About string // a line
	Kind  string // of its values: "string", "int", "float64" or "bool"
	Parts string // of a part: the parts there are, a line each; else ""

	set func(e *gan.Experiment, text string) error
	get func(e gan.Experiment) (text string, err error) // "": as it is where nothing is said; nil: another key says it
}

// Keys that any game has; all others are of a gan.Experiment.
const (
	Recipe = "recipe"
	Data   = "data"
	Batch  = "batch"
	Seed   = "seed"
)

// none is the value of a key that takes a part away.
const none = "none"

// Keys are all that a spec can say, in the order in which it is taken.
func Keys() []Key {
	chosen := func(*gan.Experiment, string) error { return nil } // by method.With
	return []Key{
		{Name: Recipe, About: "what it changes; none: the spec says everything", Kind: "string", set: chosen},
		{Name: "name", About: "of the experiment", Kind: "string", set: func(e *gan.Experiment, text string) error { e.Name = text; return nil }},
		{Name: Data, About: "data set, with its options", Kind: "string", set: chosen},
		network("generator", "from latents to samples", net.Generators(), func(e *gan.Experiment, n net.Named) { e.Generator, e.View.ClassGenerator = n.Plain, n.Classed }),
		network("critic", "from samples to logits", net.Critics(), func(e *gan.Experiment, n net.Named) { e.Critic, e.View.ClassCritic = n.Plain, n.Classed }),
		whole("latent", "components of z", 1, method.MostLatent, func(e *gan.Experiment) *int { return &e.Latent }),
		whole("classes", "that labels tell apart, where that is more than the data has", 1, math.MaxInt32, func(e *gan.Experiment) *int { return &e.View.Classes }),
		named("loss", "what the networks minimise", loss.Kinds(), loss.Named, false, func(e *gan.Experiment) *loss.Loss { return &e.Loss }),
		penalties(),
		optional("auxiliary", "weight of the class logits' cross-entropy", math.MaxFloat32, func(e *gan.Experiment) **float64 { return &e.View.Auxiliary }),
		optimizers(),
		criticOptimizer(),
		ofOptimizers("rate", "of both optimizers", optim.SettingRate, func(o *gan.Optimizers) []*optim.Optimizer { return []*optim.Optimizer{&o.Generator, &o.Critic} }),
		ofOptimizers("critic-rate", "of the critic's optimizer", optim.SettingRate, func(o *gan.Optimizers) []*optim.Optimizer { return []*optim.Optimizer{&o.Critic} }),
		ofOptimizers("beta1", "of both optimizers", "beta1", func(o *gan.Optimizers) []*optim.Optimizer { return []*optim.Optimizer{&o.Generator, &o.Critic} }),
		number("ema", "decay per step of the average of the generator's weights; 0: none", math.Nextafter(1, 0), func(e *gan.Experiment) *float64 { return &e.Optimizers.EMA }),
		number("clip-weights", "bound of the critic's weights; 0: none", math.MaxFloat32, func(e *gan.Experiment) *float64 { return &e.Optimizers.ClipWeights }),
		{Name: "bfloat16", About: "networks compute in bfloat16, with float32 weights", Kind: "bool", set: func(e *gan.Experiment, text string) (err error) {
			return part.Truth("bfloat16", "", &e.Optimizers.BFloat16).Give(text)
		}, get: func(e gan.Experiment) (string, error) {
			if !e.Optimizers.BFloat16 {
				return "", nil
			}
			return "true", nil
		}},
		named("method", "the turns of a step", method.Kinds(), method.Kinds().Parse, false, func(e *gan.Experiment) *method.Method { return &e.Method }),
		ofMethod("critic-steps", "critic updates in a step"),
		ofMethod("penalty-every", "steps from one with penalties to the next"),
		named("augment", "of what the critic sees", method.Augmentations(), method.Augmentations().Parse, true, func(e *gan.Experiment) *method.Augmentation { return &e.View.Augment }),
		optional("augment-strength", "probability of each change, at the start", 1, func(e *gan.Experiment) **float64 { return &e.View.AugmentStrength }),
		named("adapt", "what moves the augmentation's strength", method.Adaptations(), method.Adaptations().Parse, true, func(e *gan.Experiment) *method.Adaptation { return &e.View.Adapt }),
		whole("pack", "samples that the critic judges at once", 1, math.MaxInt32, func(e *gan.Experiment) *int { return &e.View.Pack }),
		{Name: Batch, About: "real samples per update", Kind: "int", set: chosen},
		{Name: Seed, About: "of weights, latents and batches", Kind: "int", set: chosen},
	}
}

// KeyNames are the names of all keys.
func KeyNames() (names []string) {
	for _, k := range Keys() {
		names = append(names, k.Name)
	}
	return names
}

// network is the key of one of the two networks. Which it is of an experiment cannot be told by its function, see Of.
func network(name, about string, kinds part.Kinds[net.Named], put func(*gan.Experiment, net.Named)) Key {
	return Key{Name: name, About: about, Kind: "string", Parts: kinds.Help(), set: func(e *gan.Experiment, text string) error {
		n, err := kinds.Parse(text)
		if err == nil {
			put(e, n)
		}
		return err
	}}
}

// whole is the key of a whole number that is 0 where nothing is said.
func whole(name, about string, least, most int, at func(*gan.Experiment) *int) Key {
	return Key{Name: name, About: about, Kind: "int", set: func(e *gan.Experiment, text string) error {
		return part.Whole(name, "", at(e), least, most).Give(text)
	}, get: func(e gan.Experiment) (string, error) {
		if value := *at(&e); value != 0 {
			return strconv.Itoa(value), nil
		}
		return "", nil
	}}
}

// number is the key of a number from 0 on, which it is where nothing is said.
func number(name, about string, most float64, at func(*gan.Experiment) *float64) Key {
	return Key{Name: name, About: about, Kind: "float64", set: func(e *gan.Experiment, text string) error {
		return part.Number(name, "", at(e), 0, most).Give(text)
	}, get: func(e gan.Experiment) (string, error) {
		if value := *at(&e); value != 0 {
			return strconv.FormatFloat(value, 'g', -1, 64), nil
		}
		return "", nil
	}}
}

// optional is the key of a number from 0 on, nil where nothing is said.
func optional(name, about string, most float64, at func(*gan.Experiment) **float64) Key {
	return Key{Name: name, About: about, Kind: "float64", set: func(e *gan.Experiment, text string) error {
		value := 0.0
		err := part.Number(name, "", &value, 0, most).Give(text)
		*at(e) = &value
		return err
	}, get: func(e gan.Experiment) (string, error) {
		if value := *at(&e); value != nil {
			return strconv.FormatFloat(*value, 'g', -1, 64), nil
		}
		return "", nil
	}}
}

// named is the key of a part, nil where nothing is said; one that is optional can be none.
func named[T comparable](name, about string, kinds part.Kinds[T], parse func(string) (T, error), optional bool, at func(*gan.Experiment) *T) Key {
	help := kinds.Help()
	if optional {
		help += "  " + none + "\n"
	}
	return Key{Name: name, About: about, Kind: "string", Parts: help, set: func(e *gan.Experiment, text string) (err error) {
		if optional && text == none {
			*at(e) = *new(T)
			return nil
		}
		*at(e), err = parse(text)
		return err
	}, get: func(e gan.Experiment) (string, error) {
		value := *at(&e)
		if value == *new(T) {
			return "", nil
		}
		text, is := kinds.Text(value)
		if !is {
			return "", fmt.Errorf("the %s %v has no name", name, value)
		}
		return text, nil
	}}
}

// between stands between penalties.
const between = method.BetweenSets

// penalties is the key of all penalties.
func penalties() Key {
	kinds := loss.PenaltyKinds()
	return Key{Name: "penalty", About: "terms of the critic's objective, with" + between + "between them", Kind: "string", Parts: kinds.Help() + "  " + none + "\n",
		set: func(e *gan.Experiment, text string) error {
			e.Penalties = nil
			if text == none {
				return nil
			}
			for each := range strings.SplitSeq(text, strings.TrimSpace(between)) {
				p, err := kinds.Parse(each)
				if err != nil {
					return err
				}
				e.Penalties = append(e.Penalties, p)
			}
			return nil
		}, get: func(e gan.Experiment) (string, error) {
			var texts []string
			for _, p := range e.Penalties {
				text, is := kinds.Text(p)
				if !is {
					return "", fmt.Errorf("the penalty %v has no name", p)
				}
				texts = append(texts, text)
			}
			return strings.Join(texts, between), nil
		}}
}

func textOf(o optim.Optimizer) (string, error) {
	if o == nil {
		return "", nil
	}
	text, is := optim.Text(o)
	if !is {
		return "", fmt.Errorf("the optimizer %v has no name", o)
	}
	return text, nil
}

// optimizers is the key of both optimizers.
func optimizers() Key {
	return Key{Name: "optimizer", About: "how weights move; of several parts each is given what the one before it makes", Kind: "string", Parts: optim.Kinds().Help(), set: func(e *gan.Experiment, text string) error {
		o, err := optim.Named(text)
		e.Optimizers.Generator, e.Optimizers.Critic = o, o
		return err
	}, get: func(e gan.Experiment) (string, error) { return textOf(e.Optimizers.Generator) }}
}

// criticOptimizer is the key of the critic's, where it is another one.
func criticOptimizer() Key {
	return Key{Name: "critic-optimizer", About: "the critic's, where it is another one", Kind: "string", set: func(e *gan.Experiment, text string) (err error) {
		e.Optimizers.Critic, err = optim.Named(text)
		return err
	}, get: func(e gan.Experiment) (string, error) {
		generator, err := textOf(e.Optimizers.Generator)
		if err != nil {
			return "", err
		}
		critic, err := textOf(e.Optimizers.Critic)
		if critic == generator {
			critic = ""
		} else if critic == "" {
			critic, err = textOf(gan.Experiment{}.WithDefaults().Optimizers.Critic)
		}
		return critic, err
	}}
}

// ofOptimizers is the key of a parameter of optimizers.
func ofOptimizers(name, about, parameter string, which func(*gan.Optimizers) []*optim.Optimizer) Key {
	return Key{Name: name, About: about, Kind: "float64", set: func(e *gan.Experiment, text string) error {
		all := e.WithDefaults().Optimizers
		for _, o := range which(&all) {
			var err error
			if *o, err = optim.With(*o, parameter, text); err != nil {
				return err
			}
		}
		e.Optimizers = all
		return nil
	}}
}

// ofMethod is the key of a parameter of the method.
func ofMethod(name, about string) Key {
	return Key{Name: name, About: about, Kind: "int", set: func(e *gan.Experiment, text string) (err error) {
		e.Method, err = method.Kinds().With(e.WithDefaults().Method, name, text)
		return err
	}}
}

// recipeNamed is the experiment of a recipe. It is an error for a recipe of another game.
func recipeNamed(name string) (gan.Experiment, error) {
	of, err := recipe.Named(name)
	if err != nil {
		return gan.Experiment{}, err
	}
	exp, is := of.(gan.Experiment)
	if !is {
		return exp, errors.New("of recipe " + name + " only data, batch and seed can be chosen: it is another game than one of a generator and a critic")
	}
	return exp, nil
}
