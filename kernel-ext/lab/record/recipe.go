package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/internal/resident"
)

// Recipe is how a run of a recipe is made again, by names.
type Recipe struct {
	Name  string // "": no recipe makes the run's experiment
	Data  string // name of the set, with its options; "": the recipe's own
	Batch int
	Seed  int64
}

// Experiment is the recipe with the run's settings. The recipe's own data may be a set that data.Named does not know; networks take
// the size of other data, which is read for that.
func (r Recipe) Experiment() (gan.Experiment, error) {
	return r.on(nil)
}

// on is Experiment on a data set whose samples are known; nil reads what it says of itself, unless it is the recipe's own.
func (r Recipe) on(like *sample.Images) (gan.Experiment, error) {
	exp, err := recipe.Named(r.Name)
	if err != nil {
		return exp, err
	}
	if r.Data != "" && r.Data != exp.Data.Name {
		if exp.Data, err = data.Named(r.Data); err != nil {
			return exp, err
		}
		if like == nil {
			like, err = exp.Data.Head()
		}
		if err == nil {
			err = recipe.Size(&exp, like)
		}
		if err != nil {
			return exp, err
		}
	}
	exp.BatchSize, exp.Seed = r.Batch, r.Seed
	return exp, nil
}

// RecipeIn returns how the run in a folder is made again. The error is ErrNoRun for a folder without a run, and
// ErrDamagedInfo where its run.json is damaged and what it trains cannot be told from the checkpoints and weights either;
// notice says that it is damaged and could.
func RecipeIn(dir string) (r Recipe, notice string, err error) {
	i, err := ReadInfo(dir)
	if err == nil {
		if i.Recipe == "" && i.Version < 2 { // which did not say
			return i.recipeBefore(dir), "", nil
		}
		return i.MadeBy(), "", nil
	}
	if !errors.Is(err, ErrDamagedInfo) {
		return r, "", err
	}
	if _, kept := os.Lstat(filepath.Join(dir, resident.ProgramFile)); kept == nil {
		return r, "", nil // which knows
	}
	if r := recipeByWeights(dir); r.Name != "" {
		return r, fmt.Sprintf("%s; by its weights it is recipe %s on %s, batch %d, seed %d", OneLine(err), r.Name, r.Data, r.Batch, r.Seed), nil
	}
	return Recipe{}, "", err
}

// recipeByWeights is what the weights in a folder say of the recipe that made them; without a name where they do not.
func recipeByWeights(dir string) Recipe {
	w, err := WeightsOf(dir)
	if err != nil {
		return Recipe{}
	}
	if w.Networks[w.Sampler] == nil {
		return Recipe{}
	}
	m := w.Networks[w.Sampler].Metadata
	batch, errBatch := strconv.Atoi(m["batch size"])
	seed, errSeed := strconv.ParseInt(m["seed"], 10, 64)
	r := Recipe{m["experiment"], m["data"], batch, seed}
	if _, unknown := r.Experiment(); unknown != nil || errBatch != nil || errSeed != nil {
		return Recipe{}
	}
	return r
}

// recipeBefore is the recipe of a run that an earlier version of the lab kept, if its signature is that of one.
func (i *Info) recipeBefore(dir string) Recipe {
	r := recipeByWeights(dir)
	exp, err := r.Experiment()
	if err != nil {
		return Recipe{}
	}
	now, err := exp.SignatureOn(lint.DataShape(i.Data))
	if err != nil || len(now.Differences(i.Definition)) > 0 {
		return Recipe{}
	}
	return r
}

// MadeBy is how the run is made again; without a name where no recipe makes it.
func (i *Info) MadeBy() Recipe { return Recipe{i.Recipe, i.Data.Name, i.Batch, i.Seed} }

// RecipeOf is the name of the recipe that makes what a run trains, or "".
func RecipeOf(of method.Description, definition lint.Signature, shape lint.DataShape) string {
	exp, is := of.(gan.Experiment)
	if !is {
		return ""
	}
	made, err := Recipe{exp.Name, shape.Name, exp.BatchSize, exp.Seed}.on(shape.Head())
	if err != nil {
		return ""
	}
	again, err := made.SignatureOn(shape)
	if err != nil || len(again.Differences(definition)) > 0 {
		return ""
	}
	return exp.Name
}

// Signature is the signature of the run's experiment. Where only the recipe is known, it is made.
func (i *Info) Signature() (lint.Signature, error) {
	if i.Definition.Parts != nil {
		return i.Definition, nil
	}
	exp, err := i.MadeBy().Experiment()
	if err != nil {
		return lint.Signature{}, err
	}
	return exp.Signature()
}
