package study

import (
	"context"
	"fmt"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/metric"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

func stacks() []gan.Experiment { return []gan.Experiment{recipe.Stacked(), recipe.StackedR1()} }

// stackedLooks is how often a run of Stacked MNIST is measured, the last time at its end.
const stackedLooks = 4

// stackedLook is what the runs of one recipe have come to at one of their looks, a number for each seed.
type stackedLook struct{ minutes, steps, modes, kl []float64 }

func (l stackedLook) cells() []string {
	return []string{spread(l.minutes, "%.1f"), spread(l.steps, "%.0f"), spread(l.modes, "%.0f"), spread(l.kl, "%.3f")}
}

// stacked trains the recipes of Stacked MNIST and counts, several times on the way, how many of the thousand numbers
// 26 000 samples show, as PacGAN does: a classifier reads each of the three digits.
func stacked(ctx context.Context, o Options) (*Table, error) {
	samples := orElse(o.Samples, 26_000)
	o.Seeds = orElse(o.Seeds, 1)
	o.bounded(10 * time.Minute)
	table := &Table{Title: fmt.Sprintf("Stacked MNIST, %s each", o.budget()),
		Columns: []string{"recipe", "minutes", "steps", "modes of 1000", "KL"},
		Notes: []string{fmt.Sprintf("Of %d samples, each digit read by %s: numbers that occur, and KL(samples ‖ uniform) in nats. "+
			"The minutes and a limit of time include the looks on the way.", samples, metric.MNIST1)}}
	if o.Seeds > 1 {
		table.Notes = append(table.Notes, fmt.Sprintf("Mean ± standard deviation over %d seeds.", o.Seeds))
	}
	for _, exp := range stacks() {
		if !o.wants(exp.Name) {
			continue
		}
		var looks [stackedLooks]stackedLook
		for seed := range o.Seeds {
			exp.Seed = int64(seed)
			if err := trainStacked(ctx, o, exp, samples, &looks); err != nil {
				return nil, fmt.Errorf("%s, seed %d: %w", exp.Name, seed, err)
			}
		}
		for _, look := range looks {
			if len(look.steps) > 0 { // a short run ends before its first looks
				table.Rows = append(table.Rows, append([]string{exp.Name}, look.cells()...))
			}
		}
	}
	return table, nil
}

// trainStacked is one run, which adds to the looks.
func trainStacked(ctx context.Context, o Options, exp gan.Experiment, samples int, looks *[stackedLooks]stackedLook) error {
	return o.withBackend(func(backend compute.Backend) error {
		extractor, err := metric.Open(backend, metric.MNIST1)
		if err != nil {
			return err
		}
		begin, looked := time.Now(), 0
		look := func(t *train.Trainer, at *stackedLook) error {
			minutes := time.Since(begin).Minutes()
			drawn, err := t.Sample(samples, 1)
			if err != nil {
				return err
			}
			modes, kl, err := stackedModes(extractor, drawn)
			if err != nil {
				return err
			}
			fmt.Fprintf(o.Log, "%s seed %d: %.1f min, step %d: %d modes, KL %.3f\n", exp.Name, exp.Seed, minutes, t.Step(), modes, kl)
			at.minutes, at.steps = append(at.minutes, minutes), append(at.steps, float64(t.Step()))
			at.modes, at.kl = append(at.modes, float64(modes)), append(at.kl, kl)
			return nil
		}
		trainer, err := run(ctx, backend, exp, o.Steps, o.Limit, func(t *train.Trainer, p train.Progress) error {
			due := p.Step < o.Steps && stackedLooks*p.Step >= (looked+1)*o.Steps ||
				o.Limit > 0 && time.Since(begin) > time.Duration(looked+1)*o.Limit/stackedLooks
			if due && looked < stackedLooks-1 {
				looked++
				return look(t, &looks[looked-1])
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := look(trainer, &looks[stackedLooks-1]); err != nil || exp.Seed > 0 {
			return err
		}
		shown, err := trainer.Sample(100, 1)
		if err != nil {
			return err
		}
		return o.keep(exp.Name, shown)
	})
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
	kl, err = counts.KL(nil)
	return counts.Captured(1), kl, err
}
