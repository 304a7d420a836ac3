package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gantry.local/gan"
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/gan/spec"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/internal/wholefile"
)

// Recipe is how a run is made again, by names.
type Recipe struct {
	Name  string // of the recipe; "": none is changed
	Data  string // name of the set with its options, of several as method.Game.DataName writes them; "": the recipe's own
	Batch int
	Seed  int64
	Parts string // a spec.Spec of all else that is said, as text; "": nothing
}

// Known tells whether the run can be made by names at all.
func (r Recipe) Known() bool { return r.Name != "" || r.Parts != "" }

// RecipeOfSpec is a spec whose data, batch and seed can be chosen. What is wrong with its values shows in its Description.
func RecipeOfSpec(s spec.Spec) (Recipe, error) {
	r := Recipe{Name: s[spec.Recipe], Data: s[spec.Data]}
	if len(s.Parts()) > 0 {
		r.Parts = s.Parts().String()
	}
	for key, set := range map[string]func(text string) error{
		spec.Batch: func(text string) (err error) { r.Batch, err = strconv.Atoi(text); return err },
		spec.Seed:  func(text string) (err error) { r.Seed, err = strconv.ParseInt(text, 10, 64); return err },
	} {
		if text, said := s[key]; said && set(text) != nil {
			return r, fmt.Errorf("%s %s: want a whole number", key, text)
		}
	}
	return r, nil
}

// Spec is all that is said of the run.
func (r Recipe) Spec() (spec.Spec, error) {
	s := spec.Spec{}
	if r.Parts != "" {
		var err error
		if s, err = spec.Parse([]byte(r.Parts)); err != nil {
			return nil, err
		}
	}
	for key, text := range map[string]string{spec.Recipe: r.Name, spec.Data: r.Data} {
		if text != "" {
			s[key] = text
		}
	}
	if r.Batch != 0 {
		s[spec.Batch] = strconv.Itoa(r.Batch)
	}
	s[spec.Seed] = strconv.FormatInt(r.Seed, 10)
	return s, nil
}

// Description is the recipe with the run's settings. The recipe's own data may be a set that data.Named does not know.
func (r Recipe) Description() (method.Description, error) {
	if !r.Known() {
		return nil, errors.New("no recipe and no spec says what the run trains")
	}
	s, err := r.Spec()
	if err != nil {
		return nil, err
	}
	return s.Description()
}

// String says it in a line: "recipe toy, data ring, loss hinge".
func (r Recipe) String() string {
	s, err := r.Spec()
	if err != nil {
		return err.Error()
	}
	var said []string
	for _, key := range spec.KeyNames() {
		if text, is := s[key]; is && key != spec.Batch {
			said = append(said, key+" "+text)
		}
	}
	return strings.Join(said, ", ")
}

// RecipeIn returns how the run in a folder is made again. The error is ErrNoRun for a folder without a run, and
// ErrDamagedInfo where its run.json is damaged and what it trains cannot be told from the checkpoints and weights either;
// notice says that it is damaged and could.
func RecipeIn(dir string) (r Recipe, notice string, err error) {
	i, err := ReadInfo(dir)
	if err == nil {
		if !i.MadeBy().Known() && i.Version < 2 { // which did not say
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
	r := Recipe{Name: m["experiment"], Data: m["data"], Batch: batch, Seed: seed}
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
func (i *Info) MadeBy() Recipe {
	return Recipe{i.Recipe, dataName(i.shapes()), i.Batch, i.Seed, i.Parts}
}

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

// RecipeOf is how a run is made again whose description is a game on data sets that are described: as a recipe that has its name, as
// is known already, or by the names of all its parts. It says nothing where none of them makes the same.
func RecipeOf(of method.Description, game method.Game, definition lint.Signature, on []lint.DataShape, known Recipe) Recipe {
	chosen := Recipe{Name: game.Name, Data: dataName(on), Batch: game.BatchSize, Seed: game.Seed}
	if chosen.makes(definition, on) {
		return chosen
	}
	chosen.Name, chosen.Parts = known.Name, known.Parts
	if chosen.Known() && chosen.makes(definition, on) {
		return chosen
	}
	chosen.Name = ""
	if exp, is := of.(gan.Experiment); is {
		if s, err := spec.Of(exp, on[0]); err == nil {
			chosen.Parts = s.Parts().String()
			return chosen
		}
	}
	return Recipe{}
}

// makes tells whether what it describes is of a definition.
func (r Recipe) makes(definition lint.Signature, on []lint.DataShape) bool {
	of, err := r.Description()
	if err != nil {
		return false
	}
	s, err := lint.SignatureOf(of, on)
	return err == nil && len(s.Differences(definition)) == 0
}

// WriteSpec writes what a run trains into its folder, as a file that `gantry train --spec` takes: by the names of all its parts, or
// as its recipe and what differs from it. It writes nothing where that is not known.
func WriteSpec(dir string, of method.Description, on []lint.DataShape, made Recipe) error {
	if !made.Known() {
		return nil
	}
	s, err := made.Spec()
	if err != nil {
		return err
	}
	if exp, is := of.(gan.Experiment); is {
		if whole, err := spec.Of(exp, on[0]); err == nil {
			s = whole
		}
	}
	return wholefile.WriteTransient(filepath.Join(dir, SpecFile), []byte(s.String()), 0o600)
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
