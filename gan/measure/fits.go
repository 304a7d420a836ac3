package measure

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gantry.local/gan/data"
	"gantry.local/gan/metric"
	"gantry.local/gan/sample"
)

// Names of the numbers that package metric does not name.
const (
	ModesName       = "modes"
	HighQualityName = "high quality"
	ReverseKLName   = "reverse KL"
	ClassesName     = "classes"
	RarestName      = "rarest class"
	ClassKLName     = "KL of the classes"
	WordsName       = "known words"
	TextsName       = "texts of known words"
	PhrasesName     = "whole phrases"
	CopiesName      = "nearer to training"
	PathLengthName  = "path length"
)

// widestValues are the most values of a sample whose covariance is taken where there are no features: its cost grows with their cube.
const widestValues = 256

// onFeatures are the measurements of distances and shares that fit features of a width, and the reason why others do not.
func onFeatures(width int) (fit []metric.Measurement, missing []string) {
	if width > widestValues {
		missing = append(missing, fmt.Sprintf("%s: there is no classifier for this data, and samples have %d values: want at most %d", metric.FrechetName, width, widestValues))
	} else {
		fit = append(fit, metric.FrechetDistance{})
	}
	return append(fit, metric.KernelDistance{}, metric.Shares{}), missing
}

// mixtureOf is the mixture that a data set is drawn from.
func mixtureOf(set string) (m data.Mixture, is bool) {
	for _, m := range []data.Mixture{data.Ring8(), data.Grid25()} {
		if firstWord(set) == m.Name {
			return m, true
		}
	}
	return m, false
}

// onModes are the measurements of points that should be a mixture's.
func onModes(m data.Mixture) []metric.Measurement {
	number := func(name string, better metric.Better, of func(r metric.ModeReport) float64) metric.Measurement {
		return metric.Resampled{Name: name, Better: better, Note: fmt.Sprintf("of a mixture of %d", len(m.Centres)),
			Of: func(_, points metric.Features) (float64, error) {
				r, err := metric.Modes(points.Values, m.Centres, m.Std, 1)
				return of(r), err
			}}
	}
	return []metric.Measurement{
		counted{number(ModesName, metric.Higher, func(r metric.ModeReport) float64 { return float64(r.Captured) }), len(m.Centres)},
		number(HighQualityName, metric.Higher, func(r metric.ModeReport) float64 { return r.HighQuality }),
		number(ReverseKLName, metric.Lower, func(r metric.ModeReport) float64 { return r.ReverseKL }),
	}
}

// counted is a measurement of how many there are of so many, whose interval ends there.
type counted struct {
	metric.Measurement
	most int
}

// Measure implements metric.Measurement.
func (c counted) Measure(real, generated metric.Features, random *rand.Rand) ([]metric.Number, error) {
	numbers, err := c.Measurement.Measure(real, generated, random)
	for i := range numbers {
		numbers[i].Low, numbers[i].High = max(numbers[i].Low, 0), min(numbers[i].High, float64(c.most))
	}
	return numbers, err
}

// classesOf are the classes of samples, as vectors of one component, and how many there are.
func classesOf(labeller metric.Labeller, images sample.Images) (classes metric.Features, n int, err error) {
	found, _, err := labeller.Classes(images)
	for _, class := range found {
		classes.Values = append(classes.Values, float32(class))
	}
	classes.N, classes.D = len(found), 1
	return classes, int(math.Round(math.Pow(float64(labeller.NumClasses()), float64(images.Depth())))), err
}

const (
	fewClasses  = 100  // up to which a class counts from a share on, and above from one sample on
	shareOfMany = 0.02 // of the samples
)

// onClasses are the measurements of classes from 0 to n-1, which should be spread as those of all.
func onClasses(n int, all metric.Features) ([]metric.Measurement, error) {
	target, err := histogram(all, n)
	if err != nil {
		return nil, err
	}
	for class := range target {
		target[class] = max(target[class], 1) // one that the real samples happen to lack
	}
	number := func(name, note string, better metric.Better, of func(h metric.Histogram) (float64, error)) metric.Measurement {
		return metric.Resampled{Name: name, Better: better, Note: note, Of: func(_, classes metric.Features) (float64, error) {
			h, err := histogram(classes, n)
			if err != nil {
				return 0, err
			}
			return of(h)
		}}
	}
	note := fmt.Sprintf("of %d with at least a sample", n)
	if n <= fewClasses {
		note = fmt.Sprintf("of %d with at least %.0f %% of the samples", n, 100*shareOfMany)
	}
	return []metric.Measurement{
		counted{number(ClassesName, note, metric.Higher, func(h metric.Histogram) (float64, error) {
			least := 1
			if n <= fewClasses {
				least = int(math.Ceil(shareOfMany * float64(h.Total())))
			}
			return float64(h.Captured(least)), nil
		}), n},
		number(RarestName, "share of the samples", metric.Higher, func(h metric.Histogram) (float64, error) {
			_, share := h.Rarest()
			return share, nil
		}),
		number(ClassKLName, "from those of the data", metric.Lower, func(h metric.Histogram) (float64, error) { return h.KL(target) }),
	}, nil
}

func histogram(classes metric.Features, n int) (metric.Histogram, error) {
	all := make([]int32, classes.N)
	for i, class := range classes.Values {
		all[i] = int32(class)
	}
	return metric.Count(all, n)
}

// onTexts are the measurements of texts: what share of their words the data has, and what share of them has no other word. Where the
// data is every phrase of a grammar, a text that is not among them breaks a rule, be its words known or not.
func onTexts(set string, like *sample.Images) []metric.Measurement {
	texts := like.Texts()
	vocabulary := data.Vocabulary(texts)
	share := func(name, note string, of func(drawn []string) float64) metric.Measurement {
		return counted{metric.Resampled{Name: name, Better: metric.Higher, Note: note, Of: func(_, generated metric.Features) (float64, error) {
			drawn, err := data.Decode(generated.Values, like.Alphabet, like.Height)
			return of(drawn), err
		}}, 1}
	}
	fit := []metric.Measurement{
		share(WordsName, fmt.Sprintf("of %d words of the data", len(vocabulary)), func(drawn []string) float64 { return data.KnownWords(drawn, vocabulary) }),
		share(TextsName, "that have no other word", func(drawn []string) float64 { return data.KnownTexts(drawn, vocabulary) }),
	}
	if set == data.Phrases().Name {
		slices.Sort(texts)
		fit = append(fit, share(PhrasesName, fmt.Sprintf("of %d of the grammar", len(texts)), func(drawn []string) float64 { return among(drawn, texts) }))
	}
	return fit
}

// among is the share of texts that are in a sorted list.
func among(texts, list []string) float64 {
	in := 0
	for _, text := range texts {
		if _, is := slices.BinarySearch(list, text); is {
			in++
		}
	}
	return float64(in) / float64(max(len(texts), 1))
}
