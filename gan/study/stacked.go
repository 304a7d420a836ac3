package study

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/metric"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

func stacks() []gan.Experiment { return []gan.Experiment{recipe.Stacked(), recipe.StackedR1R2()} }

// stacked trains the recipes of Stacked MNIST and counts, several times on the way, how many of the thousand numbers
// 26 000 samples show, as PacGAN does: a classifier reads each of the three digits.
func stacked(ctx context.Context, o Options) (*Table, error) {
	const looks = 4
	samples := orElse(o.Samples, 26_000)
	o.bounded(10 * time.Minute)
	table := &Table{Title: fmt.Sprintf("Stacked MNIST, %s each", o.budget()),
		Columns: []string{"recipe", "minutes", "steps", "modes of 1000", "KL"},
		Notes: []string{fmt.Sprintf("Of %d samples, each digit read by %s: numbers that occur, and KL(samples ‖ uniform) in nats. "+
			"The minutes and a limit of time include the looks on the way.", samples, metric.MNIST1)}}
	for _, exp := range stacks() {
		if !o.wants(exp.Name) {
			continue
		}
		err := o.withBackend(func(backend compute.Backend) error {
			extractor, err := metric.Open(backend, metric.MNIST1)
			if err != nil {
				return err
			}
			begin, looked := time.Now(), 0
			look := func(t *train.Trainer) error {
				minutes := time.Since(begin).Minutes()
				drawn, err := t.Sample(samples, 1)
				if err != nil {
					return err
				}
				modes, kl, err := stackedModes(extractor, drawn)
				if err != nil {
					return err
				}
				fmt.Fprintf(o.Log, "%s: %.1f min, step %d: %d modes, KL %.3f\n", exp.Name, minutes, t.Step(), modes, kl)
				table.Rows = append(table.Rows, []string{exp.Name, fmt.Sprintf("%.1f", minutes), fmt.Sprint(t.Step()), fmt.Sprint(modes),
					fmt.Sprintf("%.3f", kl)})
				return nil
			}
			trainer, err := run(ctx, backend, exp, o.Steps, o.Limit, func(t *train.Trainer, p train.Progress) error {
				due := p.Step < o.Steps && looks*p.Step >= (looked+1)*o.Steps ||
					o.Limit > 0 && time.Since(begin) > time.Duration(looked+1)*o.Limit/looks
				if due && looked < looks-1 {
					looked++
					return look(t)
				}
				return nil
			})
			if err != nil {
				return err
			}
			if err := look(trainer); err != nil {
				return err
			}
			shown, err := trainer.Sample(100, 1)
			if err != nil {
				return err
			}
			return o.keep(exp.Name, shown)
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", exp.Name, err)
		}
	}
	return table, nil
}

// stackedModes counts the different numbers that a classifier reads in samples of three digits, and their divergence from
// equal shares.
func stackedModes(labeller metric.Labeller, samples sample.Images) (modes int, kl float64, err error) {
	numbers, _, err := labeller.Classes(samples)
	if err != nil {
		return 0, 0, err
	}
	counts, err := metric.Count(numbers, 1000)
	if err != nil {
		return 0, 0, err
	}
	for _, count := range counts {
		if count > 0 {
			modes++
			share := float64(count) / float64(samples.N)
			kl += share * math.Log(1000*share)
		}
	}
	return modes, kl, nil
}
