package measure

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute"

	"gantry.local/gan/data"
	"gantry.local/gan/metric"
	"gantry.local/gan/sample"
)

// Subject is what is measured.
type Subject struct {
	Data   data.Set // that the samples should look like
	Latent int      // components of z
	// Draw makes samples of n latents that depend on the seed alone.
	Draw func(n int, seed int64) (sample.Images, error)
	// Generate maps latents, [n, latent] row-major, to samples; nil: the path length is not measured.
	Generate func(z []float32) (sample.Images, error)
}

// Options of Generator. The zero value is good.
type Options struct {
	Samples int   // that are drawn; default 10 000, and never more than half of the data, for as many real ones stand in for them
	Seed    int64 // of the samples, of the choice of real ones, and of the intervals

	// Judge is the file of a classifier, see metric.Classifier.Save, by which pictures are told apart; default "", metric.JudgesFor's.
	Judge string
}

// Usual are the samples that Options have where they say nothing.
const Usual = 10_000

// Least and Most are how many samples can be asked for.
const (
	Least = 20
	Most  = 100_000
)

// Generator measures by every metric that fits the data: the Fréchet and the kernel distance, precision, recall, density and coverage; the
// modes of a ring or a grid; the classes of pictures that a classifier knows; what words and texts of a text are known; how often samples lie nearer to
// training images than to others where there are others; and the path length. What does not fit is in Result.Missing with the reason.
// Equal subject, seed and backend give an equal result.
func Generator(backend compute.Backend, s Subject, o Options) (Result, error) {
	if o.Samples == 0 {
		o.Samples = Usual
	}
	if o.Samples < Least || o.Samples > Most {
		return Result{}, fmt.Errorf("cannot measure by %d samples: want %d to %d", o.Samples, Least, Most)
	}
	like, err := s.Data.Head()
	if err != nil {
		return Result{}, err
	}
	n := min(o.Samples, like.N/2)
	if n < Least {
		return Result{}, fmt.Errorf("%s has %d samples, which are too few to measure by: want at least %d", s.Data.Name, like.N, 2*Least)
	}
	real, err := some(s.Data, 2*n, o.Seed)
	if err != nil {
		return Result{}, err
	}
	generated, err := s.Draw(n, o.Seed)
	if err != nil {
		return Result{}, err
	}
	r := Result{Data: s.Data.Name, Samples: n, Seed: o.Seed}
	extractor, labeller, err := o.judges(backend, s.Data.Name, generated)
	if err != nil {
		return r, err
	}
	r.Features = extractor.Name()
	if err := r.compare(extractor, labeller, like, real, generated); err != nil {
		return r, err
	}
	if copied, err := copies(s.Data, generated, o.Seed); err != nil {
		r.lack(CopiesName, err)
	} else {
		r.Numbers = append(r.Numbers, copied)
	}
	return r, r.smoothness(s, extractor)
}

// judges find features in samples like those of a data set, and tell their classes apart.
func (o Options) judges(backend compute.Backend, set string, samples sample.Images) (metric.Extractor, metric.Labeller, error) {
	if o.Judge == "" {
		return metric.JudgesFor(backend, set, samples)
	}
	c, err := metric.Load(backend, o.Judge)
	if err != nil {
		return nil, nil, err
	}
	return c, c, c.Fits(samples)
}

// compare measures all that is found by comparing the samples with real ones.
func (r *Result) compare(extractor metric.Extractor, labeller metric.Labeller, like *sample.Images, real, generated sample.Images) error {
	features, err := extractor.Features(generated)
	if err != nil {
		return err
	}
	of, err := extractor.Features(real)
	if err != nil {
		return err
	}
	fit, missing := onFeatures(features.D)
	r.Missing = append(r.Missing, missing...)
	if m, is := mixtureOf(r.Data); is {
		fit = append(fit, onModes(m)...)
	}
	if like.Alphabet != nil {
		fit = append(fit, onTexts(r.Data, like)...)
	}
	if err := r.add(of, features, fit); err != nil {
		return err
	}
	if labeller == nil {
		return nil
	}
	classes, n, err := classesOf(labeller, generated)
	if err != nil {
		return err
	}
	ofReal, _, err := classesOf(labeller, real)
	if err != nil {
		return err
	}
	if fit, err = onClasses(n, ofReal); err != nil {
		return err
	}
	return r.add(ofReal, classes, fit)
}

// add measures features.
func (r *Result) add(real, generated metric.Features, by []metric.Measurement) error {
	report, err := metric.Compare(real, generated, metric.Options{Seed: r.Seed, Measurements: by})
	if err != nil {
		return err
	}
	for _, n := range report.Numbers {
		r.Numbers = append(r.Numbers, Number{Name: n.Name, Value: n.Value, Low: n.Low, High: n.High, Real: &n.Real, Better: n.Better, Note: n.Note})
	}
	return nil
}

// smoothness adds the path length.
func (r *Result) smoothness(s Subject, extractor metric.Extractor) error {
	if s.Generate == nil {
		r.lack(PathLengthName, errors.New("the generator takes no latents"))
		return nil
	}
	path, err := metric.PathLength(s.Generate, s.Latent, metric.PathOptions{Seed: r.Seed, Extractor: extractor})
	if err != nil {
		return err
	}
	half := 1.96 * path.Deviation / math.Sqrt(float64(len(path.Lengths)))
	r.Numbers = append(r.Numbers, Number{Name: PathLengthName, Value: path.Mean, Low: max(path.Mean-half, 0), High: path.Mean + half,
		Note: "small is smooth, 0 collapsed: read it beside recall"})
	return nil
}

// lack notes why a number is missing.
func (r *Result) lack(name string, why error) {
	r.Missing = append(r.Missing, fmt.Sprintf("%s: %v", name, why))
}
