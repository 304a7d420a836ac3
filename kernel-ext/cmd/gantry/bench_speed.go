package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gantry.local/kernel-ext/setup"
	"gantry.local/kernel-ext/speed"
)

func benchSpeedCommand() *cobra.Command {
	var o speed.Options
	var asJSON bool
	var join []string
	about := ""
	for _, w := range speed.All() {
		about += fmt.Sprintf("  %-25s %s\n", w.Name, w.About)
	}
	c := &cobra.Command{
		Use:   "speed",
		Short: "Training steps a second beside Keras, PyTorch and JAX",
		Long: "Measures this project and, with --peer, other frameworks by turns and prints tables of medians and ratios, the losses of the\n" +
			"same first step in each, and with --roofline what share of the processor's peaks is reached. `make bench-peers` installs the\n" +
			"others and measures all; docs/benchmarks keeps ours. Ctrl-C ends it with what was measured so far.\n\nWorkloads:\n" + about,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for flag, positive := range map[string]bool{"rounds": o.Rounds > 0, "time": o.Time > 0, "threads": o.Threads > 0} {
				if given := c.Flags().Lookup(flag); given.Changed && !positive {
					return misusef("--%s %s: want more than 0", flag, given.Value)
				}
			}
			report, err := joinedReport(join)
			if err == nil && report == nil {
				if err := o.Check(); err != nil {
					return misuse{err}
				}
				o.Log, o.Version = c.ErrOrStderr(), version+" "+builtFrom()
				if root, err := setup.FindRoot(); err == nil {
					o.Root = root
				}
				report, err = speed.Run(c.Context(), o)
			}
			if report == nil || err != nil && len(report.Rows)+len(report.Firsts) == 0 {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(c.OutOrStdout())
				encoder.SetIndent("", "  ")
				return errors.Join(err, encoder.Encode(report))
			}
			fmt.Fprint(c.OutOrStdout(), report)
			return err
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.Workloads, "workload", nil, "only this workload; may be repeated")
	f.StringVar(&o.Python, "peer", "", "a Python with the other frameworks, such as .venv/peer/bin/python")
	f.StringArrayVar(&o.Peers, "beside", nil, "only this framework beside Gantry: keras, torch or jax; may be repeated")
	f.IntVar(&o.Rounds, "rounds", 0, "rounds (default 5)")
	f.DurationVar(&o.Time, "time", 0, "time of each measurement (default "+(500*time.Millisecond).String()+")")
	f.IntVar(&o.Threads, "threads", 0, "threads of PyTorch and Keras (default: as many as processors)")
	f.StringVar(&o.Backend, "backend", "", "as for `gantry train`")
	f.BoolVar(&o.Roofline, "roofline", false, "compare with the peaks of this processor")
	f.BoolVar(&asJSON, "json", false, "the report as JSON")
	f.StringArrayVar(&join, "join", nil, "measure nothing: show this report of --json, joined with others where repeated")
	c.AddCommand(&cobra.Command{
		Use:    "answer",
		Short:  "Answer the questions of a measurement on standard input",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return speed.Answer(c.Context(), c.Flag("backend").Value.String(), os.Stdin, c.OutOrStdout())
		},
	})
	c.Commands()[0].Flags().String("backend", "", "as for `gantry train`")
	return c
}

// joinedReport reads reports and joins them; nil of no paths.
func joinedReport(paths []string) (*speed.Report, error) {
	var parts []*speed.Report
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, misuse{err}
		}
		part := &speed.Report{}
		if err := json.Unmarshal(text, part); err != nil || part.Rounds == 0 {
			return nil, misusef("%s is no report of `gantry bench speed --json`", path)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return speed.Join(parts...)
}
