package study

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan/measure"
	"gantry.local/gan/method"
	"gantry.local/gan/metric"
	"gantry.local/gan/recipe"
)

// drawing are the recipes with a network that draws samples. The others are among the kinds.
func drawing() (names []string) {
	for _, r := range recipe.All() {
		if r.Name != "cyclegan" { // which changes pictures that there are
			names = append(names, r.Name)
		}
	}
	return names
}

// recipes trains every recipe, and measures its samples by what fits their data, see measure.Generator.
func recipes(ctx context.Context, o Options) (*Table, error) {
	o.bounded(time.Minute)
	o.Seeds = orElse(o.Seeds, 1)
	table := &Table{Title: fmt.Sprintf("Recipes, %s each", o.budget()),
		Columns: []string{"recipe", "steps", "value", "95 %", "real", "recall", "also", "measure"},
		Notes: []string{fmt.Sprintf("Of %d samples against as many real ones; real: other real ones in the place of the samples. ", o.looked()) +
			"Measure: the Fréchet distance where there are features or few values, else the kernel distance; the smaller the better, and only such of the same " +
			"features compare. 95 %: an interval of one run's value by drawing its samples again; of several runs value is their mean ± standard deviation."}}
	for _, name := range drawing() {
		if !o.wants(name) {
			continue
		}
		var values, steps []float64
		var row []string
		for seed := range o.Seeds {
			found, step, err := trainAndMeasure(ctx, o, name, int64(seed))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			distance := distanceOf(found)
			values, steps = append(values, distance.Value), append(steps, float64(step))
			fmt.Fprintf(o.Log, "%s, seed %d: %d steps, %s\n%s", name, seed, step, distance.Interval(), found)
			if seed == 0 {
				row = []string{fmt.Sprintf("%.3g to %.3g", distance.Low, distance.High), distance.Floor(), share(found, metric.RecallName), further(found),
					fmt.Sprintf("%s, %s", distance.Name, found.Features)}
			}
		}
		if o.Seeds > 1 {
			row[0] = ""
		}
		table.Rows = append(table.Rows, append([]string{name, spread(steps, "%.0f"), spread(values, "%.3g")}, row...))
	}
	return table, nil
}

// trainAndMeasure is one run of a recipe.
func trainAndMeasure(ctx context.Context, o Options, name string, seed int64) (found measure.Result, steps int, err error) {
	of, err := recipe.Named(name)
	if err != nil {
		return found, 0, err
	}
	if of, err = method.With(of, method.Choice{Seed: seed}); err != nil {
		return found, 0, err
	}
	err = o.withBackend(func(backend compute.Backend) error {
		trainer, err := run(ctx, backend, of, o.Steps, o.Limit, nil)
		if err != nil {
			return err
		}
		steps = trainer.Step()
		game := trainer.Game()
		found, err = measure.Generator(backend, measure.Subject{Data: game.Data[0], Latent: game.Sampler.Latent, Draw: trainer.Sample},
			measure.Options{Samples: o.looked(), Seed: 1, Judge: o.Judge})
		if err != nil || seed > 0 {
			return err
		}
		samples, err := trainer.Sample(pictured, 1)
		if err != nil || samples.Width == 1 { // points, series, text
			return err
		}
		return o.keep(name, samples)
	})
	return found, steps, err
}

const pictured = 100 // samples of a picture

// distanceOf is the number by which samples of these data are told from real ones.
func distanceOf(r measure.Result) measure.Number {
	distance, found := r.Number(metric.FrechetName)
	if !found {
		distance, _ = r.Number(metric.KernelName)
	}
	return distance
}

// share is a number between 0 and 1, or "" where it was not measured.
func share(r measure.Result, name string) string {
	n, found := r.Number(name)
	if !found {
		return ""
	}
	return fmt.Sprintf("%.2f", n.Value)
}

// further is what only some data have.
func further(r measure.Result) string {
	var parts []string
	for _, name := range []string{measure.ModesName, measure.HighQualityName, measure.ClassesName, measure.RarestName, measure.WordsName, measure.TextsName, measure.PhrasesName} {
		if n, found := r.Number(name); found {
			parts = append(parts, fmt.Sprintf("%s %.3g", name, n.Value))
		}
	}
	return strings.Join(parts, ", ")
}
