package study

import (
	"context"
	"fmt"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/method"
	"gantry.local/gan/metric"
	"gantry.local/gan/recipe"
	"gantry.local/gan/train"
)

func ring(ctx context.Context, o Options) (*Table, error) {
	return plane(ctx, o, points{title: "Ring of 8 Gaussians", of: data.Ring8(), rows: toys()})
}

func grid(ctx context.Context, o Options) (*Table, error) {
	return plane(ctx, o, points{title: "Grid of 25 Gaussians", of: data.Grid25(), rows: toys()})
}

func toys() []gan.Experiment {
	return []gan.Experiment{recipe.Toy(), recipe.ToyUnrolled(), recipe.ToyPacked(), recipe.ToyR1R2(), recipe.ToyTopK()}
}

// points is what a table of points in the plane is made of.
type points struct {
	title string
	of    data.Mixture
	rows  []gan.Experiment
	loss  bool // whether it has a column of the critic's loss
}

// pointsRow is what the runs of one row come to, a number for each seed.
type pointsRow struct{ modes, quality, divergence, loss, seconds []float64 }

// plane trains on a mixture and counts the modes that 2500 samples capture, as VEEGAN and PacGAN do.
func plane(ctx context.Context, o Options, p points) (*Table, error) {
	samples := orElse(o.Samples, 2500)
	o.Seeds, o.Steps = orElse(o.Seeds, 10), orElse(o.Steps, 15_000)
	table := &Table{Title: fmt.Sprintf("%s, %d steps, %d seeds", p.title, o.Steps, o.Seeds),
		Columns: []string{"recipe", "modes", "high quality", "reverse KL", "seconds"},
		Notes: []string{fmt.Sprintf("Of %d samples: modes with a sample within three standard deviations, the share of samples so near "+
			"to a mode, and KL(samples ‖ uniform) in nats. Mean ± standard deviation over seeds; seconds per run, compilation included.", samples)}}
	if p.loss {
		table.Columns = append(table.Columns, "critic loss")
		table.Notes = append(table.Notes, "The critic's loss is the mean of the last tenth of the steps; one that tells nothing apart has 1.39, which is 2 ln 2.")
	}
	for _, exp := range p.rows {
		if !o.wants(exp.Name) {
			continue
		}
		exp.Data = p.of.Set(0, 0)
		var row pointsRow
		for seed := range o.Seeds {
			exp.Seed = int64(seed)
			begin := time.Now()
			found, loss, err := trainOnPlane(ctx, o, exp, p.of, samples)
			if err != nil {
				return nil, fmt.Errorf("%s, seed %d: %w", exp.Name, seed, err)
			}
			row.modes, row.quality = append(row.modes, float64(found.Captured)), append(row.quality, 100*found.HighQuality)
			row.divergence, row.loss = append(row.divergence, found.ReverseKL), append(row.loss, loss)
			row.seconds = append(row.seconds, time.Since(begin).Seconds())
			fmt.Fprintf(o.Log, "%s seed %d: %v, critic loss %.2f, %.0f s\n", exp.Name, seed, found, loss, row.seconds[seed])
		}
		cells := []string{exp.Name, spread(row.modes, "%.1f"), spread(row.quality, "%.1f") + " %", spread(row.divergence, "%.3f"), spread(row.seconds, "%.0f")}
		if p.loss {
			cells = append(cells, spread(row.loss, "%.2f"))
		}
		table.Rows = append(table.Rows, cells)
	}
	return table, nil
}

// trainOnPlane is one run, and the mean of its critic's loss over the last tenth of its steps.
func trainOnPlane(ctx context.Context, o Options, exp gan.Experiment, mixture data.Mixture, samples int) (found metric.ModeReport, loss float64, err error) {
	err = o.withBackend(func(backend compute.Backend) error {
		last := max(o.Steps/10, 1)
		trainer, err := run(ctx, backend, exp, o.Steps, 0, func(_ *train.Trainer, p train.Progress) error {
			if p.Step > o.Steps-last {
				loss += p.Value(method.CriticLoss) / float64(last)
			}
			return nil
		})
		if err != nil {
			return err
		}
		drawn, err := trainer.Sample(samples, 1)
		if err != nil {
			return err
		}
		found, err = metric.Modes(drawn.Values, mixture.Centres, mixture.Std, 1)
		return err
	})
	return found, loss, err
}
