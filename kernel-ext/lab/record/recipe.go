package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/gan/recipe"
	"gantry.local/kernel-ext/internal/resident"
)

// Recipe is how a run of a recipe is made again, by names.
type Recipe struct {
	Name  string // "": no recipe makes the run's experiment
	Data  string // name of the set with its options, of several as method.Game.DataName writes them; "": the recipe's own
	Batch int
	Seed  int64
}

// Description is the recipe with the run's settings. The recipe's own data may be a set that data.Named does not know.
func (r Recipe) Description() (method.Description, error) {
	of, err := recipe.Named(r.Name)
	if err != nil {
		return nil, err
	}
	choice := method.Choice{BatchSize: r.Batch, Seed: r.Seed}
	if r.Data != "" {
		game, err := of.Game()
		if err != nil {
			return nil, err
		}
		if choice.Data, err = game.Sets(r.Data); err != nil {
			return nil, err
		}
	}
	return method.With(of, choice)
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
	for i := 2; m[fmt.Sprint("data ", i)] != ""; i++ {
		r.Data += method.BetweenSets + m[fmt.Sprint("data ", i)]
	}
	if _, unknown := r.Description(); unknown != nil || errBatch != nil || errSeed != nil {
		return Recipe{}
	}
	return r
}

// recipeBefore is the recipe of a run that an earlier version of the lab kept, if its signature is that of one.
func (i *Info) recipeBefore(dir string) Recipe {
	r := recipeByWeights(dir)
	of, err := r.Description()
	if err != nil {
		return Recipe{}
	}
	now, err := lint.SignatureOf(of, i.shapes())
	if err != nil || len(now.Differences(i.Definition)) > 0 {
		return Recipe{}
	}
	return r
}

// MadeBy is how the run is made again; without a name where no recipe makes it.
func (i *Info) MadeBy() Recipe { return Recipe{i.Recipe, dataName(i.shapes()), i.Batch, i.Seed} }

// shapes describe the data sets of the run.
func (i *Info) shapes() []lint.DataShape {
	return append([]lint.DataShape{lint.DataShape(i.Data)}, i.Beside...)
}

// dataName names data sets as method.Game.DataName does.
func dataName(of []lint.DataShape) string {
	var names []string
	for _, shape := range of {
		names = append(names, shape.Name)
	}
	return strings.Join(names, method.BetweenSets)
}

// RecipeOf is the name of the recipe that makes what a run trains, a game on data sets that are described, or "".
func RecipeOf(game method.Game, definition lint.Signature, on []lint.DataShape) string {
	made, err := Recipe{game.Name, dataName(on), game.BatchSize, game.Seed}.Description()
	if err != nil {
		return ""
	}
	again, err := lint.SignatureOf(made, on)
	if err != nil || len(again.Differences(definition)) > 0 {
		return ""
	}
	return game.Name
}

// Signature is the signature of the run's experiment. Where only the recipe is known, it is made.
func (i *Info) Signature() (lint.Signature, error) {
	if i.Definition.Parts != nil {
		return i.Definition, nil
	}
	of, err := i.MadeBy().Description()
	if err != nil {
		return lint.Signature{}, err
	}
	game, err := of.Game()
	if err != nil {
		return lint.Signature{}, err
	}
	on, err := DescribeData(game)
	if err != nil {
		return lint.Signature{}, err
	}
	return lint.SignatureOf(of, on)
}
