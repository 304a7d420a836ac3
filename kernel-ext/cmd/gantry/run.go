package main

import (
	"errors"
	"fmt"
	"io"

	"gantry.local/gan/device"
	"gantry.local/gan/safetensors"
	"gantry.local/kernel-ext/lab"
)

// progressFile is where `gantry train` records what it reports, in the run's folder.
const progressFile = "progress.jsonl"

// openRun opens a run folder. What a person should know of it is said to log.
func openRun(dir, backend string, log io.Writer) (*lab.Source, error) {
	if _, err := device.Resolve(backend); err != nil {
		return nil, misuse{err}
	}
	run, err := lab.OpenSource(dir, backend, func(notice string) { fmt.Fprintln(log, notice) })
	if errors.Is(err, lab.ErrNoRun) {
		return nil, fmt.Errorf("%s is not a run folder: it has no run.json", dir)
	}
	if errors.Is(err, lab.ErrDamagedInfo) {
		return nil, fmt.Errorf("%w; `gantry train --resume --recipe NAME --out %s` writes it anew", err, dir)
	}
	return run, err
}

// loadWeights reads the generator's newest weights in a run folder, whoever keeps it.
func loadWeights(dir string, log io.Writer) (*safetensors.File, error) {
	return lab.WeightsOf(dir, func(notice string) { fmt.Fprintln(log, notice) })
}
