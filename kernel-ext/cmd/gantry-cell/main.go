// Command gantry-cell stands in for go and goimports when GoNB builds a cell. The kernel puts links to it on GoNB's
// PATH under these names.
package main

import (
	"os"

	"gantry.local/kernel-ext/cell"
)

func main() { os.Exit(cell.Main(os.Args, os.Stdout, os.Stderr)) }
