package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gantry.local/gan/device"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab"
)

// progressFile is where `gantry train` records what it reports, in the run's folder.
const progressFile = "progress.jsonl"

// opened is a run folder, to draw samples from and to export. Where its experiment is a recipe's and no process keeps it, the
// generator is made here; else the process that keeps it is asked, which is started for this where there is none.
type opened struct {
	dir             string
	latent, classes int
	text            bool // its samples are strings
	render          func(z []float32, classes []int32, ending string) ([]byte, error)
	onnx            func(batch int) ([]byte, error)
	close           func() error
}

// openRun opens a run folder. What a person should know of it is said to log.
func openRun(dir, backend string, log io.Writer) (*opened, error) {
	if _, err := device.Resolve(backend); err != nil {
		return nil, misuse{err}
	}
	made, notice, err := lab.RecipeIn(dir)
	if errors.Is(err, lab.ErrNoRun) {
		return nil, fmt.Errorf("%s is not a run folder: it has no run.json", dir)
	}
	if errors.Is(err, lab.ErrDamagedInfo) {
		return nil, fmt.Errorf("%w; `gantry train --resume --recipe NAME --out %s` writes it anew", err, dir)
	}
	if err != nil {
		return nil, err
	}
	if notice != "" {
		fmt.Fprintln(log, notice)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if living := lab.Lives(abs); living || !made.Known() {
		return ask(abs, living)
	}
	return load(abs, made, backend, log)
}

// ask opens a run by its process.
func ask(dir string, living bool) (*opened, error) {
	run, err := lab.Attach(dir)
	if err != nil {
		return nil, err
	}
	end := func() error { return nil }
	if !living {
		end = run.Stop
	}
	s, err := run.Status()
	if err != nil {
		return nil, errors.Join(err, end())
	}
	return &opened{dir: dir, latent: s.Latent, classes: s.Classes, text: s.Data.Alphabet, render: run.Render, onnx: run.ONNX, close: end}, nil
}

// load opens a run by its recipe and weights.
func load(dir string, made lab.Recipe, backend string, log io.Writer) (*opened, error) {
	of, err := made.Description()
	if err != nil {
		return nil, err
	}
	game, err := of.Game()
	if err != nil {
		return nil, err
	}
	weights, err := loadWeights(dir, log)
	if err != nil {
		return nil, err
	}
	b, err := device.Open(backend)
	if err != nil {
		return nil, err
	}
	generator, err := train.NewGenerator(b, of, weights)
	if err != nil {
		b.Finalize()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	set, err := game.Data[0].Load()
	if err != nil {
		b.Finalize()
		return nil, err
	}
	o := &opened{dir: dir, latent: generator.Latent(), classes: generator.Classes(), text: set.Alphabet != nil}
	o.render = func(z []float32, classes []int32, ending string) ([]byte, error) {
		if classes == nil {
			samples, err := generator.Generate(z)
			if err != nil {
				return nil, err
			}
			return lab.Rendered(samples, game.Data[0], generator.Classes(), ending)
		}
		samples, err := generator.GenerateClasses(z, classes)
		if err != nil {
			return nil, err
		}
		return lab.Rendered(samples, game.Data[0], 0, ending)
	}
	o.onnx = func(batch int) ([]byte, error) { return model(generator, batch) }
	o.close = func() error { b.Finalize(); return nil }
	return o, nil
}

// loadWeights reads the generator's newest weights in a run folder, whoever keeps it.
func loadWeights(dir string, log io.Writer) (*safetensors.File, error) {
	if lab.Lives(dir) {
		run, err := lab.Attach(dir)
		if err != nil {
			return nil, err
		}
		temp, err := os.MkdirTemp("", "gantry-weights-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(temp)
		if err := run.SaveWeights(temp); err != nil {
			return nil, err
		}
		s, err := run.Status()
		if err != nil {
			return nil, err
		}
		if s.Sampler == "" {
			return nil, fmt.Errorf("the run in %s has no network to draw samples from", dir)
		}
		return safetensors.Load(filepath.Join(temp, s.Sampler+".safetensors"))
	}
	weights, notice, err := lab.Generator(dir)
	if notice != "" {
		fmt.Fprintln(log, notice)
	}
	return weights, err
}
