package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"

	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/export"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
)

// Source is a run's generator, to draw samples from and to export, whoever keeps the run. Where its experiment is a recipe's and no process
// keeps it, the generator is made in this process; else the process that keeps it is asked, which is started for this where there is none.
type Source struct {
	Dir     string // the run's folder
	Step    int    // of the run, as far as is known
	Latent  int    // components of z
	Classes int    // of a conditional generator, else 0
	Text    bool   // its samples are strings
	Data    data.Set

	// Generate maps latents, [n, latent] row-major, to samples, as Run.Generate does.
	Generate func(z []float32, classes []int32) (sample.Images, error)
	// Render draws the samples of latents as the content of a file, as Run.Render does.
	Render func(z []float32, classes []int32, ending string) ([]byte, error)
	// ONNX is the generator as a model for other programs that makes so many images at once, see export.ONNX.
	ONNX func(batch int) ([]byte, error)
	// Close lets go of it. A process that was started for it ends.
	Close func() error

	backend compute.Backend // nil: the run's process has it
}

// OpenSource opens the generator of the run in a folder. backend is as for device.Open. What a person should know of it, such as that a
// checkpoint was damaged, is said to tell. Data has no Load where only the run's own program knows its data.
func OpenSource(dir, backend string, tell func(notice string)) (*Source, error) {
	made, notice, err := record.RecipeIn(dir)
	if err != nil {
		return nil, err
	}
	if notice != "" {
		tell(notice)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if living := record.Lives(dir); living || !made.Known() {
		return asked(dir, living)
	}
	return loaded(dir, made, backend, tell)
}

// asked is a source that is a run's process.
func asked(dir string, living bool) (*Source, error) {
	run, err := Attach(dir)
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
	set, _ := data.Named(s.Data.Name) // one that has no name is the program's alone
	return &Source{Dir: dir, Step: s.Step, Latent: s.Latent, Classes: s.Classes, Text: s.Data.Alphabet, Data: set,
		Generate: run.Generate, Render: run.Render, ONNX: run.ONNX, Close: end}, nil
}

// loaded is a source that is made of a recipe and a run's weights.
func loaded(dir string, made record.Recipe, backend string, tell func(string)) (*Source, error) {
	of, err := made.Description()
	if err != nil {
		return nil, err
	}
	game, err := of.Game()
	if err != nil {
		return nil, err
	}
	weights, err := WeightsOf(dir, tell)
	if err != nil {
		return nil, err
	}
	b, err := device.Open(backend)
	if err != nil {
		return nil, err
	}
	g, err := train.NewGenerator(b, of, weights)
	if err != nil {
		b.Finalize()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	o, err := ofGenerator(dir, b, game.Data[0], g)
	if err != nil {
		b.Finalize()
		return nil, err
	}
	if i, err := record.ReadInfo(dir); err == nil {
		o.Step = i.Status.Step
	}
	return o, nil
}

// ofGenerator is a source that is a generator in this process.
func ofGenerator(dir string, b compute.Backend, set data.Set, g *train.Generator) (*Source, error) {
	images, err := set.Head()
	if err != nil {
		return nil, err
	}
	o := &Source{Dir: dir, Latent: g.Latent(), Classes: g.Classes(), Text: images.Alphabet != nil, Data: set, backend: b}
	o.Generate = func(z []float32, classes []int32) (sample.Images, error) {
		if classes == nil {
			return g.Generate(z)
		}
		return g.GenerateClasses(z, classes)
	}
	o.Render = func(z []float32, classes []int32, ending string) ([]byte, error) {
		samples, err := o.Generate(z, classes)
		if err != nil {
			return nil, err
		}
		inTurn := g.Classes()
		if classes != nil {
			inTurn = 0
		}
		return view.Rendered(samples, set, inTurn, ending)
	}
	o.ONNX = func(batch int) ([]byte, error) {
		var content bytes.Buffer
		err := export.ONNX(&content, g, batch)
		return content.Bytes(), err
	}
	o.Close = func() error { b.Finalize(); return nil }
	return o, nil
}

// WeightsOf reads the newest weights in a run folder that its samples are drawn with, whoever keeps it. What was damaged is said to tell.
func WeightsOf(dir string, tell func(notice string)) (*safetensors.File, error) {
	if abs, err := filepath.Abs(dir); err != nil {
		return nil, err
	} else if record.Lives(abs) {
		run, err := Attach(abs)
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
	weights, notice, err := record.Generator(dir)
	if notice != "" {
		tell(notice)
	}
	return weights, err
}
