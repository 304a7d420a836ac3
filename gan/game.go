package gan

import (
	"cmp"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
)

func (e Experiment) sampler() method.Sampler {
	return method.Sampler{Network: method.GeneratorName, Latent: e.Latent, Classed: e.View.ClassGenerator != nil}
}

// Game returns the game that the experiment describes, whole and checked. It makes an Experiment a method.Description.
func (e Experiment) Game() (method.Game, error) {
	subject, err := e.subject()
	return subject.Game, err
}

// With implements method.Chosen.
func (e Experiment) With(c method.Choice) (method.Description, error) {
	set, err := c.One(e.Name, e.Data)
	e.Data, e.BatchSize, e.Seed = set, cmp.Or(c.BatchSize, e.BatchSize), c.Seed
	return e, err
}

// subject is the experiment as the linter looks at it: its game and its pair of networks.
func (e Experiment) subject() (lint.Subject, error) {
	e = e.WithDefaults()
	wrong := func(err error) (lint.Subject, error) {
		if e.Name == "" {
			return lint.Subject{}, fmt.Errorf("experiment: %w", err)
		}
		return lint.Subject{}, fmt.Errorf("experiment %q: %w", e.Name, err)
	}
	if err := e.check(); err != nil {
		return wrong(err)
	}
	pair := e.pair()
	game := method.Game{
		Name: e.Name, Data: []data.Set{e.Data}, Networks: pair.Networks(), BatchSize: e.BatchSize, Seed: e.Seed,
		Sampler: e.sampler(), Identity: e.settings(),
	}
	if e.conditional() {
		if game.Classes = e.View.Classes; game.Classes == 0 {
			game.Classes = method.AllClasses
		}
	}
	if e.Optimizers.EMA > 0 {
		game.Averages = []method.Average{{Network: method.GeneratorName, Decay: e.Optimizers.EMA}}
	}
	if err := e.Method.Check(game, pair); err != nil {
		return wrong(err)
	}
	e.Method.Arrange(&game, pair)
	if parts := max(game.Parts, 1); parts > e.BatchSize || e.BatchSize%(e.View.Pack*parts) != 0 {
		return wrong(fmt.Errorf("BatchSize %d is no multiple of Pack %d times Parts %d", e.BatchSize, e.View.Pack, parts))
	}
	game.Settings = append(game.Settings, pair.Settings()...) // behind the method's own
	game, err := game.Game()
	if err != nil {
		return wrong(err)
	}
	subject := lint.Subject{Game: game, Pair: pair, ToldGenerator: e.View.ClassGenerator != nil, ToldCritic: e.View.ClassCritic != nil}
	if with, ok := e.Method.(interface{ Columns() string }); ok {
		subject.Columns = with.Columns()
	}
	return subject, nil
}

// pair is the experiment's two networks and what each objective is made of.
func (e Experiment) pair() method.Pair {
	return method.Pair{
		Generator: e.network(e.Generator, e.View.ClassGenerator), Critic: e.network(e.Critic, e.View.ClassCritic),
		Loss: e.Loss, Penalties: e.Penalties, Auxiliary: *e.View.Auxiliary,
		Augment: e.View.Augment, Strength: *e.View.AugmentStrength, Adapt: e.View.Adapt, Pack: e.View.Pack,
		GeneratorOptimizer: e.Optimizers.Generator, CriticOptimizer: e.Optimizers.Critic, ClipWeights: e.Optimizers.ClipWeights,
	}
}

// network is one of two functions, computing in the type that the experiment asks for. The layers of package net convert their
// float32 weights to the type of their input (mixed precision: Micikevicius et al., 2017, arXiv:1710.03740; bfloat16 has
// float32's range, so no loss scaling is needed).
func (e Experiment) network(plain Network, classed ClassNetwork) func(scope *model.Scope, x, labels *graph.Node) *graph.Node {
	return func(scope *model.Scope, x, labels *graph.Node) *graph.Node {
		if e.Optimizers.BFloat16 {
			x = graph.ConvertDType(x, dtypes.BFloat16)
		}
		if classed != nil {
			return graph.ConvertDType(classed(scope, x, labels), dtypes.Float32)
		}
		return graph.ConvertDType(plain(scope, x), dtypes.Float32)
	}
}

// Check is the recipe linter, see lint.Subject.Check. An experiment that cannot run at all has one finding, "impossible".
func (e Experiment) Check() lint.Findings {
	subject, err := e.subject()
	if err != nil {
		return lint.Impossible(err)
	}
	return subject.Check()
}

// Signature tells what the experiment is by what it computes, see lint.Subject.Signature.
func (e Experiment) Signature() (lint.Signature, error) {
	subject, err := e.subject()
	if err != nil {
		return lint.Signature{}, err
	}
	return subject.Signature()
}

// SignatureOn is Signature on a data set that is described already, and so costs milliseconds whatever the set's size.
func (e Experiment) SignatureOn(shape lint.DataShape) (lint.Signature, error) {
	subject, err := e.subject()
	if err != nil {
		return lint.Signature{}, err
	}
	return subject.SignatureOn(shape)
}

// Summary is what the experiment consists of, see lint.Subject.Summary. A notebook shows an experiment by it.
func (e Experiment) Summary() (lint.Summary, error) {
	subject, err := e.subject()
	if err != nil {
		return lint.Summary{}, err
	}
	subject.Settings = e.unusual()
	return subject.Summary()
}

// ShowValue shows the experiment in a notebook: its Summary, or why it has none.
func (e Experiment) ShowValue() map[string]any {
	s, err := e.Summary()
	if err != nil {
		text := fmt.Sprintf("experiment %s cannot be trained: %v", e.Name, err)
		return map[string]any{"text/plain": text, "text/html": "<div>" + html.EscapeString(text) + "</div>"}
	}
	return s.ShowValue()
}

// unusual lists the settings that differ from those of an experiment that sets nothing.
func (e Experiment) unusual() (all []lint.Setting) {
	plain := Experiment{View: View{Augment: e.View.Augment, Adapt: e.View.Adapt}}.WithDefaults() // its strength has a default of its own
	now, usual := e.WithDefaults().settings(), plain.settings()
	if e.View.Augment != nil {
		usual["augmentation"], usual["adaptation"] = none, none
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		value, standard := orNone(now[name]), orNone(usual[name])
		if name == "experiment" || name == "data" || value == standard {
			continue
		}
		if strings.HasSuffix(name, "optimizer") { // of many numbers
			value, standard = lint.Cut(strings.Fields(value), strings.Fields(standard))
		}
		all = append(all, lint.Setting{Name: name, Value: value, Default: standard})
	}
	if e.View.Classes != 0 {
		all = append(all, lint.Setting{Name: "classes", Value: fmt.Sprint(e.View.Classes), Default: "as many as the data has"})
	}
	return all
}

const none = "none"

func orNone(value string) string {
	if value == "" || value == "<nil>" {
		return none
	}
	return value
}
