package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gantry.local/gan/study"
)

func benchCommand() *cobra.Command {
	var o study.Options
	var asJSON bool
	about, names := "", []string{}
	for _, s := range study.All() {
		about += fmt.Sprintf("  %-9s %s\n", s.Name, s.About)
		names = append(names, s.Name)
	}
	c := &cobra.Command{
		Use:   "bench STUDY",
		Short: "Reproduce a measurement and print its table",
		Long: "Trains the recipes of a study with fixed seeds and prints a table in Markdown; docs/results.md keeps ours.\n\nStudies:\n" +
			about,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return misusef("name one study: %s; or cells, or speed", strings.Join(names, ", "))
			}
			return nil
		},
		ValidArgs: names,
		RunE: func(c *cobra.Command, args []string) error {
			s, err := study.Named(args[0])
			if err != nil {
				return misuse{err}
			}
			for flag, positive := range map[string]bool{"seeds": o.Seeds > 0, "steps": o.Steps > 0, "samples": o.Samples > 0, "max-time": o.Limit > 0} {
				if given := c.Flags().Lookup(flag); given.Changed && !positive {
					return misusef("--%s %s: want more than 0", flag, given.Value)
				}
			}
			if err := s.Check(o); err != nil {
				return misuse{err}
			}
			o.Log = c.ErrOrStderr()
			table, err := s.Run(c.Context(), o)
			if err != nil {
				return fmt.Errorf("study %s: %w", s.Name, err)
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(table)
			}
			fmt.Fprint(c.OutOrStdout(), table)
			return nil
		},
	}
	f := c.Flags()
	f.IntVar(&o.Seeds, "seeds", 0, "runs of each recipe (default: the study's)")
	f.IntVar(&o.Steps, "steps", 0, "steps of each run (default: the study's, or as many as its time allows)")
	f.IntVar(&o.Samples, "samples", 0, "drawn for measuring, pictures of the stream, or images that each classifier sees (default: the study's)")
	f.DurationVar(&o.Limit, "max-time", 0, "time of each run (default: the study's, where it goes by the clock and no steps are given)")
	f.StringArrayVar(&o.Recipes, "recipe", nil, "only this row; may be repeated")
	f.StringVar(&o.Peer, "peer", "", "a Python with PyTorch, for the rows of its peers")
	f.StringVar(&o.Judge, "judge", "", "`file` of a classifier of digits in the place of the built-in one")
	f.StringVar(&o.Out, "out", "", "folder for pictures of samples")
	f.StringVar(&o.Backend, "backend", "", "as for `gantry train`")
	f.BoolVar(&asJSON, "json", false, "the table as JSON")
	c.AddCommand(benchCellsCommand(), benchSpeedCommand())
	return c
}
