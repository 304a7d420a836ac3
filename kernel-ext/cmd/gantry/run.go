package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/recipe"
)

// A run folder holds:
const (
	runFile      = "run.json"       // recipe and settings: what sample, export and --resume need
	progressFile = "progress.jsonl" // a line for each step reported
	lockFile     = ".lock"          // held while a process trains here
	checkpoints  = "checkpoints"
)

// runInfo is the content of run.json.
type runInfo struct {
	Recipe string `json:"recipe"`
	Data   string `json:"data"` // name of the set; "": the recipe's own
	Batch  int    `json:"batch"`
	Seed   int64  `json:"seed"`
}

// readRun reads the run.json of a run folder. The error is os.ErrNotExist where there is none.
func readRun(dir string) (info runInfo, err error) {
	path := filepath.Join(dir, runFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return info, fmt.Errorf("%s: %w", path, err)
	}
	return info, nil
}

// experiment is the recipe with the settings of the run. The recipe's own set may be one that data.Named does not know.
func (r runInfo) experiment() (gan.Experiment, error) {
	exp, err := recipe.Named(r.Recipe)
	if err != nil {
		return exp, err
	}
	if r.Data != "" && r.Data != exp.Data.Name {
		if exp.Data, err = data.Named(r.Data); err != nil {
			return exp, err
		}
	}
	exp.BatchSize, exp.Seed = r.Batch, r.Seed
	return exp, nil
}

// trained is the generator of a run, with what it was made from.
type trained struct {
	*gan.Generator
	exp     gan.Experiment
	backend compute.Backend
}

// openRun loads the generator of a run folder. The caller ends it by its backend.Finalize.
func openRun(dir, backend string) (t trained, err error) {
	info, err := readRun(dir)
	if errors.Is(err, os.ErrNotExist) {
		return t, fmt.Errorf("%s is not a run folder: it has no %s", dir, runFile)
	}
	if err != nil {
		return t, err
	}
	if t.exp, err = info.experiment(); err != nil {
		return t, err
	}
	if t.backend, err = device.Open(backend); err != nil {
		return t, err
	}
	if t.Generator, err = gan.LoadGenerator(t.backend, t.exp, dir); err == nil {
		return t, nil
	}
	t.backend.Finalize()
	if errors.Is(err, os.ErrNotExist) {
		return t, fmt.Errorf("%s has no weights yet; let `gantry train` end, or go on with it by --resume", dir)
	}
	return t, err
}
