package study

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan/data"
	"gantry.local/gan/latent"
	"gantry.local/gan/metric"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
)

// labelCounts are the labels per class of the rows.
func labelCounts() []string { return []string{"20", "50", "100"} }

// labels trains a conditional GAN on few labelled digits, and a classifier on those digits with and without as many images
// of the GAN again and more.
func labels(ctx context.Context, o Options) (*Table, error) {
	o.bounded(2 * time.Minute)
	o.Seeds = orElse(o.Seeds, 3)
	synthetic := orElse(o.Samples, 200) // per class
	table := &Table{Title: fmt.Sprintf("A classifier with few labels, its data augmented by a conditional GAN trained on them for %s", o.budget()),
		Columns: []string{"labels per class", "real alone", fmt.Sprintf("real and %d generated per class", synthetic), "gain"},
		Notes: []string{fmt.Sprintf("Accuracy on MNIST's 10 000 test digits, mean ± standard deviation over %d draws of the labels. The classifier is "+
			"that of %s, trained by the same number of updates in both columns.", o.Seeds, metric.MNIST1)}}
	for _, row := range labelCounts() {
		if !o.wants(row) {
			continue
		}
		perClass, err := strconv.Atoi(row)
		if err != nil {
			return nil, err
		}
		var alone, joined, gain []float64
		for seed := range o.Seeds {
			few := data.Balanced(data.MNIST(), perClass, int64(seed))
			err := o.withBackend(func(backend compute.Backend) error {
				real, err := few.Load()
				if err != nil {
					return err
				}
				exp := recipe.FewLabels()
				exp.Data, exp.Seed = few, int64(seed)
				trainer, err := run(ctx, backend, exp, o.Steps, o.Limit, nil)
				if err != nil {
					return err
				}
				generator, err := trainer.Generator()
				if err != nil {
					return err
				}
				made, err := latent.Augment(generator, synthetic, 1)
				if err != nil {
					return err
				}
				grid, err := latent.ClassGrid(generator, 10, 1)
				if err != nil {
					return err
				}
				if err := o.keep(fmt.Sprintf("labels-%d-%d", perClass, seed), grid); err != nil {
					return err
				}
				both, err := latent.Join(real, made)
				if err != nil {
					return err
				}
				const updates = 40_000 // images seen
				a, err := accuracy(backend, real, updates/real.N, int64(seed))
				if err != nil {
					return err
				}
				b, err := accuracy(backend, both, updates/both.N, int64(seed))
				if err != nil {
					return err
				}
				alone, joined, gain = append(alone, a), append(joined, b), append(gain, b-a)
				fmt.Fprintf(o.Log, "%d labels per class, seed %d: %d steps, %.2f %% alone, %.2f %% with the GAN's\n", perClass, seed,
					trainer.Step(), a, b)
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
		table.Rows = append(table.Rows, []string{row, spread(alone, "%.1f") + " %", spread(joined, "%.1f") + " %",
			spread(gain, "%+.1f")})
	}
	return table, nil
}

// accuracy trains a classifier on images and returns its accuracy on the test digits, in percent.
func accuracy(backend compute.Backend, images *sample.Images, passes int, seed int64) (float64, error) {
	classifier, err := metric.TrainClassifier(backend, "few labels", images, max(passes, 1), seed)
	if err != nil {
		return 0, err
	}
	test, err := data.MNISTTest().Load()
	if err != nil {
		return 0, err
	}
	guessed, _, err := classifier.Classes(*test)
	if err != nil {
		return 0, err
	}
	right := 0
	for i, class := range guessed {
		if class == test.Labels[i] {
			right++
		}
	}
	return 100 * float64(right) / float64(test.N), nil
}
