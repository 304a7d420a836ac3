package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func partsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "parts [KEY]",
		Short: "List the parts that flags of train and specs can name, with their parameters",
		Long: "Lists what can be said of an experiment by a flag of `gantry train` or a key of its --spec: losses, penalties,\n" +
			"optimizers, networks, methods, augmentations. A part is its name and then its parameters, each with its value:\n" +
			"\"adam rate 0.0002 beta1 0.5\". In brackets is what a parameter is where nothing is said.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return misusef("name one key, or none for all")
			}
			return nil
		},
		ValidArgs: partKeys(),
		RunE: func(c *cobra.Command, args []string) error {
			names := args
			if len(names) == 0 {
				names = partKeys()
			}
			for _, name := range names {
				text, err := partsOf(name)
				if err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), text)
			}
			return nil
		},
	}
}
