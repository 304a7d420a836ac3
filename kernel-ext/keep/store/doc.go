// Package store is the folder in which the values of a notebook lie: a manifest for each state, files with values, and files
// with large blocks of memory. A program of a cell writes there (package keep), the kernel reads what there is and sweeps.
//
// A file is written once and never changed, and the manifest is the last of a state, renamed into its place. So whoever is
// killed while writing leaves the former state whole, and files that belong to nothing, which Sweep removes.
//
// Reading order: manifest.go (what a state says of itself), file.go (whole files and their damage), sweep.go (what is no
// longer needed), record.go (numbers and texts in bytes).
package store
