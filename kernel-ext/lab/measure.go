package lab

import (
	"fmt"
	"time"

	"gantry.local/gan/device"
	"gantry.local/gan/measure"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/record"
)

// Measured is what was measured of a run, at one of its steps.
type Measured = record.Measured

// MeasureOptions of Run.Measure, see measure.Options.
type MeasureOptions = measure.Options

// Measure measures the run's samples by every metric that fits its data, see measure.Generator, and keeps what it finds in the run's
// folder, where Compare shows it. The run's process makes the samples, between two steps; what they are compared by is computed here. It
// takes from seconds to a minute.
func (r *Run) Measure(o MeasureOptions) (*Measured, error) {
	if r.observer {
		return &Measured{}, nil
	}
	source, err := OpenSource(r.dir, r.o.Backend, func(string) {})
	if err != nil {
		return nil, err
	}
	if r.of != nil && source.Data.Load == nil { // it is this program's
		game, err := r.of.Game()
		if err != nil {
			source.Close()
			return nil, err
		}
		source.Data = game.Data[0]
	}
	m, err := source.Measure(o)
	if closed := source.Close(); err == nil {
		err = closed
	}
	return m, err
}

// Measure measures the source's samples by every metric that fits its data, and keeps what it finds in the run's folder.
func (s *Source) Measure(o MeasureOptions) (*Measured, error) {
	if s.Latent == 0 {
		return nil, fmt.Errorf("the run in %s has no network to draw samples from, so there is nothing to measure", s.Dir)
	}
	if s.Data.Load == nil {
		return nil, fmt.Errorf("the run in %s is trained on data that only its own program knows: measure it in a notebook that opens it, by run.Measure", s.Dir)
	}
	backend := s.backend
	if backend == nil {
		own, err := device.Open("")
		if err != nil {
			return nil, err
		}
		defer own.Finalize()
		backend = own
	}
	generate := func(z []float32) (sample.Images, error) { return s.Generate(z, nil) }
	found, err := measure.Generator(backend, measure.Subject{Data: s.Data, Latent: s.Latent, Generate: generate,
		Draw: func(n int, seed int64) (sample.Images, error) { return generate(train.Latents(n, s.Latent, seed)) }}, o)
	if err != nil {
		return nil, err
	}
	m := &Measured{Step: s.Step, At: time.Now().UTC().Truncate(time.Second), Result: found}
	return m, m.Write(s.Dir)
}
