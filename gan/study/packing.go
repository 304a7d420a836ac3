package study

import (
	"context"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/method"
	"gantry.local/gan/optim"
	"gantry.local/gan/recipe"
)

// packings are toy-packed and it with one change each: what keeps its points from the modes of the grid.
func packings() []gan.Experiment {
	changed := func(name string, change func(*gan.Experiment)) gan.Experiment {
		exp := recipe.ToyPacked()
		change(&exp)
		exp.Name = name
		return exp
	}
	return []gan.Experiment{
		recipe.ToyPacked(),
		changed("averaged, rate to 0", func(e *gan.Experiment) {
			falling := optim.Scheduled{Of: e.Optimizers.Generator, Schedule: optim.Cosine{Steps: 15_000}}
			e.Optimizers = gan.Both(falling)
			e.Optimizers.EMA = 0.999
		}),
		changed("both rates a tenth", func(e *gan.Experiment) { e.Optimizers = gan.Both(optim.NewAdam(1e-4, 0.5, 0.999)) }),
		changed("generator's rate a tenth", func(e *gan.Experiment) { e.Optimizers.Generator = optim.NewAdam(1e-4, 0.5, 0.999) }),
		changed("100 packs a batch", func(e *gan.Experiment) { e.BatchSize = 100 * e.View.Pack }),
		changed("5 critic updates", func(e *gan.Experiment) { e.Method = method.Alternating{CriticSteps: 5} }),
	}
}

// packing measures on the grid what toy-packed lacks beside PacGAN's packed critic (Lin et al., 2017, arXiv:1712.04086, table 1).
func packing(ctx context.Context, o Options) (*Table, error) {
	o.Seeds = orElse(o.Seeds, 1)
	return plane(ctx, o, points{title: "A packed critic on the grid of 25 Gaussians", of: data.Grid25(), rows: packings(), loss: true})
}
