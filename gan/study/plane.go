package study

import (
	"context"
	"fmt"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/metric"
	"gantry.local/gan/recipe"
)

func ring(ctx context.Context, o Options) (*Table, error) {
	return plane(ctx, o, "Ring of 8 Gaussians", data.Ring8())
}

func grid(ctx context.Context, o Options) (*Table, error) {
	return plane(ctx, o, "Grid of 25 Gaussians", data.Grid25())
}

func toys() []gan.Experiment {
	return []gan.Experiment{recipe.Toy(), recipe.ToyUnrolled(), recipe.ToyPacked(), recipe.ToyR1R2(), recipe.ToyTopK()}
}

// plane trains the toy recipes on a mixture and counts the modes that 2500 samples capture, as VEEGAN and PacGAN do.
func plane(ctx context.Context, o Options, title string, mixture data.Mixture) (*Table, error) {
	points := orElse(o.Samples, 2500)
	o.Seeds, o.Steps = orElse(o.Seeds, 10), orElse(o.Steps, 15_000)
	table := &Table{Title: fmt.Sprintf("%s, %d steps, %d seeds", title, o.Steps, o.Seeds),
		Columns: []string{"recipe", "modes", "high quality", "reverse KL", "seconds"},
		Notes: []string{fmt.Sprintf("Of %d samples: modes with a sample within three standard deviations, the share of samples so near "+
			"to a mode, and KL(samples ‖ uniform) in nats. Mean ± standard deviation over seeds; seconds per run, compilation included.", points)}}
	for _, exp := range toys() {
		if !o.wants(exp.Name) {
			continue
		}
		exp.Data = mixture.Set(0, 0)
		var modes, quality, divergence, seconds []float64
		for seed := range o.Seeds {
			exp.Seed = int64(seed)
			begin := time.Now()
			err := o.withBackend(func(backend compute.Backend) error {
				trainer, err := run(ctx, backend, exp, o.Steps, 0, nil)
				if err != nil {
					return err
				}
				samples, err := trainer.Sample(points, 1)
				if err != nil {
					return err
				}
				found, err := metric.Modes(samples.Values, mixture.Centres, mixture.Std, 1)
				if err != nil {
					return err
				}
				modes = append(modes, float64(found.Captured))
				quality = append(quality, 100*found.HighQuality)
				divergence = append(divergence, found.ReverseKL)
				return nil
			})
			if err != nil {
				return nil, fmt.Errorf("%s, seed %d: %w", exp.Name, seed, err)
			}
			seconds = append(seconds, time.Since(begin).Seconds())
			fmt.Fprintf(o.Log, "%s seed %d: %.0f of %d modes, %.1f %% high quality, %.0f s\n", exp.Name, seed, modes[seed],
				len(mixture.Centres), quality[seed], seconds[seed])
		}
		table.Rows = append(table.Rows, []string{exp.Name, spread(modes, "%.1f"), spread(quality, "%.1f") + " %",
			spread(divergence, "%.3f"), spread(seconds, "%.0f")})
	}
	return table, nil
}
