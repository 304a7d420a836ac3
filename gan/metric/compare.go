package metric

import (
	"fmt"
	"math/rand/v2"

	"gantry.local/gan/sample"
)

// Options are the settings of Compare. The zero value is good.
type Options struct {
	Features     string        // what the features are, printed with the report: an Extractor's Name; default "unnamed"
	Reference    string        // where they come from: an Extractor's Reference
	Seed         int64         // of the split and of the intervals
	Measurements []Measurement // what is measured, in this order; nil is Standard
}

func (o Options) withDefaults() Options {
	if o.Features == "" {
		o.Features = "unnamed"
	}
	if o.Measurements == nil {
		o.Measurements = Standard()
	}
	return o
}

// leastVectors is the smallest comparison that Compare makes.
const leastVectors = 20

// Compare measures generated features against real ones, each number beside the same number of real against real.
// For that it shuffles the real vectors, compares the generated ones with a first part of them and a second part, of the
// same size, with the first. So n generated vectors want 2n real ones; of fewer it uses half, and as many generated
// ones. Take the real ones from the data set at random: stretches of MNIST as it is stored differ measurably. Equal input
// and seed give an equal report, and a measurement that is added behind others does not change them.
func Compare(real, generated Features, options Options) (Report, error) {
	o := options.withDefaults()
	if err := checkPair(real, generated, 2); err != nil {
		return Report{}, err
	}
	n := min(generated.N, real.N/2)
	if n < leastVectors {
		return Report{}, fmt.Errorf("a comparison of %d generated and %d real vectors is too small: want at least %d and %d",
			generated.N, real.N, leastVectors, 2*leastVectors)
	}
	random := rand.New(rand.NewPCG(uint64(o.Seed), 0))
	order := random.Perm(real.N)
	first, second := real.Rows(order[:n]), real.Rows(order[n:2*n])
	generated = generated.Rows(random.Perm(generated.N)[:n])

	report := Report{Features: o.Features, Reference: o.Reference, N: n}
	for i, m := range o.Measurements {
		numbers, err := m.Measure(first, generated, rand.New(rand.NewPCG(uint64(o.Seed), uint64(i)+1)))
		if err != nil {
			return Report{}, err
		}
		ideal, err := m.Measure(first, second, nil)
		if err != nil {
			return Report{}, err
		}
		if len(ideal) != len(numbers) {
			return Report{}, fmt.Errorf("measurement %d gives %d numbers of generated vectors and %d of real ones: want the same ones",
				i, len(numbers), len(ideal))
		}
		for k, number := range numbers {
			number.Real = ideal[k].Value
			if err := number.check(); err != nil {
				return Report{}, err
			}
			if _, twice := report.Number(number.Name); twice {
				return Report{}, fmt.Errorf("two measured numbers are called %s: name them apart", number.Name)
			}
			report.Numbers = append(report.Numbers, number)
		}
	}
	return report, nil
}

// CompareSamples is Compare of the features that an extractor finds of real and generated samples, whose name and reference the
// report has.
func CompareSamples(extractor Extractor, real, generated sample.Images, options Options) (Report, error) {
	options.Features, options.Reference = extractor.Name(), extractor.Reference()
	of, err := extractor.Features(real)
	if err != nil {
		return Report{}, err
	}
	drawn, err := extractor.Features(generated)
	if err != nil {
		return Report{}, err
	}
	return Compare(of, drawn, options)
}

// checkPair returns an error unless a and b are sound, of one width, and have at least n vectors each.
func checkPair(a, b Features, n int) error {
	if err := a.check("real"); err != nil {
		return err
	}
	if err := b.check("generated"); err != nil {
		return err
	}
	if a.D != b.D {
		return fmt.Errorf("cannot compare vectors of %d components with vectors of %d: use one extractor for both", a.D, b.D)
	}
	if a.N < n || b.N < n {
		return fmt.Errorf("cannot compare %d vectors with %d: want at least %d of each", a.N, b.N, n)
	}
	return nil
}
