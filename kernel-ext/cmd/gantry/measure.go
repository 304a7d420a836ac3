package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"gantry.local/gan/measure"
	"gantry.local/kernel-ext/lab"
)

func measureCommand() *cobra.Command {
	var run, backend string
	var o lab.MeasureOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "measure --run DIR",
		Short: "Measure a trained run by every metric that fits its data",
		Long: "Draws samples from a run and measures them against its data: the Fréchet and the kernel distance, precision, recall,\n" +
			"density and coverage; the modes of a ring or a grid; the classes of digits and clothes; the known words of text; how\n" +
			"often samples lie nearer to training images than to others; and the path length. Each number stands beside a 95 %\n" +
			"interval and what real data gets in the place of the samples. What does not fit the data is named with the reason.\n\n" +
			"What it finds is kept in the run's folder, where `gantry compare` shows it.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case run == "":
				return misusef("--run is missing: name a run folder")
			case o.Samples < measure.Least || o.Samples > measure.Most:
				return misusef("--samples %d: want %d to %d", o.Samples, measure.Least, measure.Most)
			}
			source, err := openRun(run, backend, c.ErrOrStderr())
			if err != nil {
				return err
			}
			m, err := source.Measure(o)
			if closed := source.Close(); err == nil {
				err = closed
			}
			switch {
			case err != nil:
				return err
			case asJSON:
				return json.NewEncoder(c.OutOrStdout()).Encode(m)
			}
			fmt.Fprint(c.OutOrStdout(), m)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&run, "run", "", "run `folder`, of gantry train or of a notebook")
	f.IntVar(&o.Samples, "samples", measure.Usual, "how many are drawn; at most half of the data count")
	f.Int64Var(&o.Seed, "seed", 0, "of the samples, of the choice of real ones, and of the intervals")
	f.StringVar(&o.Judge, "judge", "", "`file` of a classifier in the place of the built-in one")
	f.StringVar(&backend, "backend", "", "as for gantry train")
	f.BoolVar(&asJSON, "json", false, "one JSON object")
	return c
}
