package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gantry.local/kernel-ext/cell/cellbench"
)

func benchCellsCommand() *cobra.Command {
	var o cellbench.Options
	var asJSON bool
	c := &cobra.Command{
		Use:   "cells",
		Short: "Where the time of a cell goes, here and in stock GoNB",
		Long: "Runs cells by turns in this project's kernel and in stock GoNB and prints the medians of each part: GoNB's parsing,\n" +
			"goimports, go get, go build's listing of packages, the compiler, the linker, the start of the program, its run, and\n" +
			"the end. Stock GoNB fetches GoMLX first.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Cells < 1 {
				return misuse{errors.New("--cells must be at least 1")}
			}
			return inCheckout(func(root string) error {
				o.Root = root
				o.Report = func(line string) { fmt.Fprintln(c.ErrOrStderr(), line) }
				table, err := cellbench.Run(c.Context(), o)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(c.OutOrStdout()).Encode(table)
				}
				fmt.Fprint(c.OutOrStdout(), table)
				return nil
			})
		},
	}
	f := c.Flags()
	f.IntVar(&o.Cells, "cells", 7, "cells of each kind in each kernel")
	f.BoolVar(&o.Stock, "stock", true, "measure stock GoNB too")
	f.BoolVar(&asJSON, "json", false, "the table as JSON")
	return c
}
