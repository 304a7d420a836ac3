package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gantry.local/kernel-ext/lab"
)

func logCommand() *cobra.Command {
	var dir, table string
	var follow bool
	c := &cobra.Command{
		Use:   "log RUN… --tensorboard DIR | log RUN --csv FILE",
		Short: "Write what runs have recorded for other tools: TensorBoard, CSV",
		Long: "Writes the records of runs, named as in `gantry runs` or by their folders, whether they train or have ended.\n\n" +
			"--tensorboard writes an event file for each run into a folder of its name below DIR: the numbers that its steps report,\n" +
			"its samples and its settings; `tensorboard --logdir DIR` shows them. With --follow it goes on with a run that trains,\n" +
			"until that ends or Ctrl-C.\n\n" +
			"--csv writes a line for each step, with all of its numbers.",
		Args: func(_ *cobra.Command, runs []string) error {
			if len(runs) == 0 {
				return misusef("name the runs to log; `gantry runs` lists them")
			}
			return nil
		},
		RunE: func(c *cobra.Command, names []string) error {
			switch {
			case dir == "" && table == "":
				return misusef("say what to write: --tensorboard DIR or --csv FILE")
			case table != "" && len(names) > 1:
				return misusef("--csv takes one run, not %d: name a file for each", len(names))
			case follow && (dir == "" || len(names) > 1):
				return misusef("--follow goes with --tensorboard and one run")
			}
			var runs []*lab.Run
			for _, name := range names {
				run, err := lab.Find(name)
				if err != nil {
					return err
				}
				runs = append(runs, run)
			}
			if table != "" {
				text, err := runs[0].CSV()
				if err != nil {
					return err
				}
				if err := writeFile(table, text); err != nil {
					return err
				}
			}
			if dir == "" {
				return nil
			}
			for _, run := range runs {
				tell := func(notice string) { fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", run.Name(), notice) }
				if err := run.LogTensorBoard(c.Context(), dir, follow, tell); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "tensorboard", "", "folder to write event files into, a folder for each run")
	f.StringVar(&table, "csv", "", "file to write, a line for each step")
	f.BoolVar(&follow, "follow", false, "with --tensorboard: go on with the steps of a run that trains")
	return c
}
