package gan

import (
	"fmt"

	"github.com/gomlx/compute"

	"gantry.local/gan/data"
	"gantry.local/gan/method"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
)

// NewTrainer loads the data set, moves it to the device and compiles the step. It is train.New of the experiment with its
// defaults.
func NewTrainer(backend compute.Backend, exp Experiment) (*train.Trainer, error) {
	return train.New(backend, exp.WithDefaults())
}

// Of returns the experiment that a trainer was made of, with its defaults; ok is false for one of another game.
func Of(t *train.Trainer) (exp Experiment, ok bool) {
	exp, ok = t.Description().(Experiment)
	return exp, ok
}

// Fork returns a second trainer that goes on from t's state, as a branch of the run, see train.Trainer.Fork: change makes the
// branch's experiment from a copy of t's, and nil leaves it as it is.
func Fork(t *train.Trainer, change func(*Experiment)) (branch *train.Trainer, fresh []string, err error) {
	exp, ok := Of(t)
	if !ok {
		return nil, nil, fmt.Errorf("%q is no gan.Experiment: use its trainer's Fork", t.Game().Name)
	}
	if change != nil {
		change(&exp)
	}
	return t.Fork(exp.WithDefaults())
}

// Spent returns the privacy that a run has spent so far; ok is false for a run that is not method.Private.
func Spent(t *train.Trainer) (spent method.PrivacySpent, ok bool) {
	updates, ok := t.Driver().(*method.PrivateUpdates)
	if !ok {
		return method.PrivacySpent{}, false
	}
	return updates.Spent(), true
}

// NewGenerator makes a generator of exp's generator network with weights as train.Generator.Weights returns them, which must be
// finite. Only Generator or View.ClassGenerator, View.Classes (or Data in its place) and Latent of the experiment are used.
func NewGenerator(backend compute.Backend, exp Experiment, weights *safetensors.File) (*train.Generator, error) {
	return train.NewGenerator(backend, generatorOnly{exp.WithDefaults()}, weights)
}

// LoadGenerator makes a generator with the weights that train.Trainer.SaveWeights wrote into dir, as NewGenerator does, see
// train.LoadGenerator.
func LoadGenerator(backend compute.Backend, exp Experiment, dir string) (*train.Generator, error) {
	return train.LoadGenerator(backend, generatorOnly{exp.WithDefaults()}, dir)
}

// generatorOnly is an experiment of which nothing but the generator is used.
type generatorOnly struct{ Experiment Experiment }

// Game implements method.Description.
func (g generatorOnly) Game() (method.Game, error) {
	e := g.Experiment
	game := method.Game{Name: e.Name, Data: []data.Set{e.Data}, Networks: e.pair().Networks()[:1], Sampler: e.sampler(), Seed: e.Seed}
	if game.Classes = e.View.Classes; game.Sampler.Classed && game.Classes == 0 {
		game.Classes = method.AllClasses
	}
	if e.Generator == nil && e.View.ClassGenerator == nil {
		return game, fmt.Errorf("experiment %q has no Generator", e.Name)
	}
	return game, nil
}
