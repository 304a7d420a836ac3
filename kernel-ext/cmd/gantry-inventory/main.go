// Command gantry-inventory checks the licences of what the project passes on, and writes the notices and the bill of
// materials that the container image carries.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"gantry.local/kernel-ext/internal/wholefile"
	"gantry.local/kernel-ext/inventory"
	"gantry.local/kernel-ext/setup"
)

func main() {
	if err := do(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gantry-inventory:", err)
		os.Exit(1)
	}
}

// do carries out "licences", "notices FILE" or "sbom FILE".
func do(ctx context.Context, args []string, out io.Writer) error {
	root, err := setup.FindRoot()
	if err != nil {
		return err
	}
	all, err := inventory.Of(ctx, root)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && args[0] == "licences":
		if err := inventory.Check(all); err != nil {
			return err
		}
		for _, line := range inventory.Summary(all) {
			fmt.Fprintln(out, line)
		}
		return nil
	case len(args) == 2 && args[0] == "notices":
		return wholefile.Write(args[1], inventory.Notices(all), 0o644)
	case len(args) == 2 && args[0] == "sbom":
		text, err := inventory.BillOfMaterials(all)
		if err != nil {
			return err
		}
		return wholefile.Write(args[1], text, 0o644)
	}
	return errors.New("want licences, notices FILE or sbom FILE")
}
