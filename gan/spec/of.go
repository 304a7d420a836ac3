package spec

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"gantry.local/gan"
	"gantry.local/gan/lint"
)

// ErrNoName is the error for an experiment that cannot be said by names.
var ErrNoName = errors.New("it cannot be said by names")

// Of says an experiment by names, all of it, so that no recipe is needed. on is what it trains on. What the spec describes has the
// signature of the experiment, or the error is ErrNoName.
func Of(e gan.Experiment, on lint.DataShape) (Spec, error) {
	s := Spec{"name": e.Name, Data: on.Name, Seed: strconv.FormatInt(e.Seed, 10), Batch: strconv.Itoa(e.WithDefaults().BatchSize)}
	plain := gan.Experiment{View: gan.View{Augment: e.View.Augment, Adapt: e.View.Adapt}}.WithDefaults() // its strength has a default of its own
	plain.Latent = 0                                                                                     // which is always said
	for _, k := range Keys() {
		if k.get == nil {
			continue
		}
		text, err := k.get(e)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoName, err)
		}
		if usual, _ := k.get(plain); text != "" && (k.Kind == "string" || text != usual) {
			s[k.Name] = text
		}
	}
	want, err := e.SignatureOn(on)
	if err != nil {
		return nil, err
	}
	var wrong error
	for _, pair := range pairs(e.Name) {
		s["generator"], s["critic"] = pair[0], pair[1]
		var made gan.Experiment
		if made, wrong = s.Experiment(); wrong != nil { // such as other networks of a pack
			continue
		}
		if !alike(made.Generator, e.Generator) || !alike(made.Critic, e.Critic) || !alike(made.View.ClassGenerator, e.View.ClassGenerator) ||
			!alike(made.View.ClassCritic, e.View.ClassCritic) {
			continue
		}
		if got, err := made.SignatureOn(on); err == nil && len(got.Differences(want)) == 0 {
			return s, nil
		}
	}
	if wrong != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoName, wrong)
	}
	return nil, fmt.Errorf("%w: its networks are none that a recipe has", ErrNoName)
}

// alike tells whether two functions have the same code, be it with other values: only these are traced.
func alike(a, b any) bool { return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() }

// pairs are the networks that recipes have, generator and critic, those of one recipe first.
func pairs(first string) (all [][2]string) {
	if pair, is := networks()[first]; is {
		all = append(all, pair)
	}
	for _, name := range slices.Sorted(maps.Keys(networks())) {
		pair := networks()[name]
		if !slices.Contains(all, pair) {
			all = append(all, pair)
		}
	}
	return all
}

// networks are those of the recipes, by names: a function does not tell which values it was made with.
func networks() map[string][2]string {
	both := func(text string) [2]string { return [2]string{text, text} }
	const small = "dcgan width 32"
	all := map[string][2]string{
		"article": {"mlp", "conv"}, "article-packed": {"norm-mlp", "leaky-conv"}, "mlp": {"norm-mlp", "mlp"},
		"dcgan": both(small), "resnet": both("resnet width 32"), "wgan": {small, small + " norm layer"}, "lsgan": {small, small + " norm batch"},
		"sngan": {small, small + " norm spectral"}, "cgan": both("conditional-" + small),
		"projection": {"conditional-" + small, "projection-" + small + " norm spectral"}, "acgan": {"conditional-" + small, "auxiliary-" + small},
		"few-labels": {"conditional-" + small, "projection-" + small},
		"toy":        both("toy"), "toy-r1r2": both("toy layers 3"), "sines": {"sequence steps 32", "sequence-conv"}, "phrases": {"text steps 16 vocabulary 23", "text"},
		"faces": both(small + " size 32 channels 3"), "faces-64": both(small + " size 64 channels 3"), "stacked": {small + " channels 3", small + " channels 3 norm batch"},
		"stacked-r1": {small + " channels 3", "dcgan channels 3"}, "feature-matching": {"norm-mlp", "feature-mlp"},
		"ssgan": {"dcgan width 16", "auxiliary-dcgan width 16 norm spectral classes 4"}, "r3gan": both("r3gan width 24"),
		"r3gan-faces": both("r3gan width 24 size 32 channels 3"), "progressive": both("growing width 16"),
	}
	return all
}
