package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gantry.local/kernel-ext/lab"
)

func compareCommand() *cobra.Command {
	var out string
	var asJSON bool
	o := lab.CompareOptions{NoSamples: true}
	c := &cobra.Command{
		Use:   "compare RUN RUN…",
		Short: "Lay runs side by side: settings that differ, curves, samples, figures",
		Long: "Compares two or more runs, named as in `gantry runs` or by their folders: the settings in which they differ, each number\n" +
			"that at least two of them report on one axis, and what `gantry measure` has found of them. Where runs share too little,\n" +
			"a line says what cannot be laid side by side, and what can is shown.\n\n" +
			"With --out it writes a page of HTML that needs no other file, with the curves as pictures and samples of the same\n" +
			"latents. In a notebook the same is lab.Compare(a, b, …).",
		Args: func(_ *cobra.Command, runs []string) error {
			if len(runs) < 2 {
				return misusef("name at least two runs to compare; `gantry runs` lists them")
			}
			return nil
		},
		RunE: func(c *cobra.Command, runs []string) error {
			if out != "" && !strings.HasSuffix(out, ".html") {
				return misusef("--out %q: want a name that ends in .html", out)
			}
			o.NoSamples = out == ""
			var all []any
			for _, run := range runs {
				all = append(all, run)
			}
			compared, err := lab.CompareWith(o, all...)
			if err != nil {
				return err
			}
			if out != "" {
				if err := writeFile(out, []byte(compared.Page())); err != nil {
					return err
				}
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(compared)
			}
			fmt.Fprint(c.OutOrStdout(), compared)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&out, "out", "", "page to write as well, .html, with pictures of the curves and of samples")
	f.Int64Var(&o.Seed, "seed", 0, "with --out: of the latents of the samples")
	f.StringVar(&o.Backend, "backend", "", "with --out: what makes the samples, as for gantry train")
	f.BoolVar(&asJSON, "json", false, "one JSON object, with the curves")
	return c
}
