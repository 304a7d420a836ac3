package study

import (
	"context"
	"fmt"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan/compress"
	"gantry.local/gan/recipe"
	"gantry.local/gan/safetensors"
)

// smaller trains a generator and measures its compressed forms: size, speed, and quality.
func smaller(ctx context.Context, o Options) (*Table, error) {
	o.bounded(4 * time.Minute)
	tuning := min(orElse(o.Steps, 500), 500)
	exp := recipe.MLP()
	table := &Table{Title: fmt.Sprintf("Compressing the generator of %s after %s", exp.Name, o.budget()),
		Columns: []string{"form", "bytes", "zeros", "samples/s", "pixel difference", "Fréchet"},
		Notes: []string{fmt.Sprintf("Bytes of the file; samples per second of the generator made of it (all compute in float32); mean absolute difference "+
			"from the original's images, in [-1, 1]; Fréchet distance of %d samples as in the table of MNIST. Tuned: %d steps of imitating the original.",
			o.drawn(), tuning)}}
	err := o.withBackend(func(backend compute.Backend) error {
		trainer, err := run(ctx, backend, exp, o.Steps, o.Limit, nil)
		if err != nil {
			return err
		}
		generator, err := trainer.Generator()
		if err != nil {
			return err
		}
		weights, err := generator.Weights()
		if err != nil {
			return err
		}
		var forms []compress.Form
		add := func(name string, weights *safetensors.File, err error) error {
			forms = append(forms, compress.Form{Name: name, Weights: weights})
			return err
		}
		half, err := compress.Float16(weights)
		if err := add("float16", half, err); err != nil {
			return err
		}
		int8s, err := compress.Int8(weights)
		if err := add("int8", int8s, err); err != nil {
			return err
		}
		for _, share := range []float64{0.5, 0.8, 0.9} {
			pruned, mask, err := compress.Prune(weights, share, compress.PerLayer)
			if err != nil {
				return err
			}
			sparse, err := compress.Sparse(pruned)
			if err := add(fmt.Sprintf("pruned %.0f %%", 100*share), sparse, err); err != nil {
				return err
			}
			tuned, err := compress.With(generator, pruned)
			if err != nil {
				return err
			}
			if _, err := compress.Tune(ctx, tuned, generator, mask, compress.TuneOptions{Steps: tuning}); err != nil {
				return err
			}
			after, err := tuned.Weights()
			if err != nil {
				return err
			}
			sparse, err = compress.Sparse(after)
			if err := add(fmt.Sprintf("pruned %.0f %%, tuned", 100*share), sparse, err); err != nil {
				return err
			}
			small, err := compress.Int8(after)
			if err != nil {
				return err
			}
			small, err = compress.Sparse(small)
			if err := add(fmt.Sprintf("pruned %.0f %%, tuned, int8", 100*share), small, err); err != nil {
				return err
			}
		}
		report, err := compress.Measure(generator, forms, 1000, 1)
		if err != nil {
			return err
		}
		j, err := o.newJudge(backend, o.drawn())
		if err != nil {
			return err
		}
		for i, row := range report {
			of := generator
			if i > 0 {
				if of, err = compress.With(generator, forms[i-1].Weights); err != nil {
					return err
				}
			}
			samples, err := of.Sample(o.drawn(), 1)
			if err != nil {
				return err
			}
			q, err := j.judge(samples)
			if err != nil {
				return err
			}
			if err := o.keep("smaller "+row.Name, samples); err != nil {
				return err
			}
			fmt.Fprintf(o.Log, "%s: %d bytes, Fréchet %.1f\n", row.Name, row.Bytes, q.frechet)
			table.Rows = append(table.Rows, []string{row.Name, fmt.Sprint(row.Bytes), fmt.Sprintf("%.0f %%", 100*row.Zeros),
				fmt.Sprintf("%.0f", row.SamplesPerSecond), fmt.Sprintf("%.4f", row.Difference), fmt.Sprintf("%.1f", q.frechet)})
		}
		return nil
	})
	return table, err
}
