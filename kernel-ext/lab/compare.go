package lab

import (
	"errors"
	"fmt"
	"path/filepath"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/compare"
	"gantry.local/kernel-ext/lab/record"
)

// Comparison is runs side by side, which shows itself in a notebook: the settings in which they differ, each number that they report on one
// axis, samples of the same latents, what was measured of them, and what cannot be laid side by side.
type Comparison = compare.Comparison

// CompareOptions of CompareWith. The zero value is what Compare has.
type CompareOptions struct {
	NoSamples bool   // draw none: they take seconds
	Seed      int64  // of the latents of the samples
	Backend   string // that makes the samples of runs without a process, as for device.Open
}

// Compare lays two or more runs side by side. Each is a *Run, or the name of one, or its folder. Runs that share little are shown as far as
// they can be, with a line for what cannot. Run.Measure adds the figures.
func Compare(runs ...any) (*Comparison, error) { return CompareWith(CompareOptions{}, runs...) }

// CompareWith is Compare with options.
func CompareWith(o CompareOptions, runs ...any) (*Comparison, error) {
	if _, is := residentOf(); is { // a run's process, which repeats what its program did before, needs none
		return &Comparison{}, nil
	}
	var sides []compare.Side
	for _, of := range runs {
		dir, err := dirOf(of)
		if err != nil {
			return nil, err
		}
		status, err := runIn(dir).Status()
		if errors.Is(err, ErrNoRun) {
			return nil, fmt.Errorf("%v: %w", of, ErrNoRun)
		}
		if err != nil {
			return nil, err
		}
		status.Dir = dir // it may have been moved since
		side, err := compare.Read(dir, status)
		if err != nil {
			return nil, err
		}
		sides = append(sides, side)
	}
	c, err := compare.Of(sides)
	if err != nil || o.NoSamples {
		return c, err
	}
	for i, s := range c.Sides {
		if c.Sides[i].Picture, err = pictured(s.Status, o); err != nil {
			c.NoPicture(i, err)
		}
	}
	return c, nil
}

// runIn is a run that is only looked at.
func runIn(dir string) *Run { return &Run{name: filepath.Base(dir), dir: dir} }

// dirOf is the folder of what a person names a run by.
func dirOf(of any) (string, error) {
	switch of := of.(type) {
	case *Run:
		return of.dir, nil
	case *Kept:
		return of.dir, nil
	case string:
		dir, err := record.DirOf(of)
		if abs, folder := filepath.Abs(of); err == nil && folder == nil && !record.Holds(dir) && record.Holds(abs) {
			return abs, nil // one beside the runs' folder, named without a separator
		}
		return dir, err
	}
	return "", fmt.Errorf("%T is no run: give a *lab.Run, the name of a run, or its folder", of)
}

// pictured draws samples of a run, PNG, from latents that depend on the seed, and so are the same for all runs of as many components.
func pictured(s Status, o CompareOptions) (png []byte, err error) {
	if s.Latent == 0 {
		return nil, errors.New("it has no network to draw samples from")
	}
	source, err := OpenSource(s.Dir, o.Backend, func(string) {})
	if err != nil {
		return nil, err
	}
	png, err = source.Render(train.Latents(samplesBeside(s), source.Latent, o.Seed), nil, ".png")
	return png, errors.Join(err, source.Close())
}

// samplesBeside is how many samples of a kind of data have room beside those of other runs.
func samplesBeside(s Status) int {
	const pictures, points, series, texts = 40, 1000, 12, 20
	switch d := s.Data; {
	case d.Alphabet:
		return texts
	case d.Width > 1 && s.Classes > 0 && s.Classes <= pictures:
		return pictures / s.Classes * s.Classes // as many of each
	case d.Width > 1:
		return pictures
	case d.Height == 1:
		return points
	}
	return series
}
