package metric

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// number is one of a report's, which must be there.
func number(t *testing.T, r Report, name string) Number {
	t.Helper()
	n, found := r.Number(name)
	if !found {
		t.Fatalf("the report has no %s:\n%s", name, r)
	}
	return n
}

func compare(t *testing.T, real, generated Features, o Options) Report {
	t.Helper()
	report, err := Compare(real, generated, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestCompare(t *testing.T) {
	real := normal(11, 600, 4, 0, 1)
	same := compare(t, real, normal(2, 300, 4, 0, 1), Options{Features: "noise", Seed: 3})
	worse := compare(t, real, normal(2, 300, 4, 0, 0.3), Options{Seed: 3})
	if again := compare(t, real, normal(2, 300, 4, 0, 1), Options{Features: "noise", Seed: 3}); !reflect.DeepEqual(again, same) {
		t.Errorf("a second comparison gives %+v, want %+v", again, same)
	}
	if same.N != 300 || number(t, same, FrechetName).Real != number(t, worse, FrechetName).Real {
		t.Errorf("%d vectors, and floors that differ: %s%s", same.N, same, worse)
	}
	for _, name := range []string{FrechetName, KernelName} {
		good, bad := number(t, same, name), number(t, worse, name)
		if bad.Low <= good.High || bad.Value <= bad.Real {
			t.Errorf("narrow samples %v are not clearly farther than good ones %v", bad, good)
		}
		if good.Low > good.Real || good.High < good.Real {
			t.Errorf("the interval of good samples leaves out real data: %v", good)
		}
		if good.Better != Lower {
			t.Errorf("%s is better %s", name, good.Better)
		}
	}
	// Narrow samples are plausible and lack variety.
	if number(t, worse, PrecisionName).Value < number(t, same, PrecisionName).Value || number(t, worse, DensityName).Value < 1.2 ||
		number(t, worse, RecallName).High > number(t, same, RecallName).Low || number(t, worse, CoverageName).High > number(t, same, CoverageName).Low {
		t.Errorf("narrow samples: %s\ngood ones: %s", worse, same)
	}
	for _, name := range []string{PrecisionName, RecallName, DensityName, CoverageName} {
		n := number(t, same, name)
		requireNear(t, name+" of good samples", n.Value, n.Real, 0.12)
		if !(n.Low <= n.Value && n.Value <= n.High) || n.Better != Higher {
			t.Errorf("the interval of %v is elsewhere, or it is better %s", n, n.Better)
		}
	}
	text := same.String()
	for _, words := range []string{"features noise, 300 generated against 300 real", "Fréchet distance", "coverage", "higher (of 300 points)"} {
		if !strings.Contains(text, words) {
			t.Errorf("the report does not say %q:\n%s", words, text)
		}
	}
	if !strings.Contains(worse.String(), "unnamed") || strings.Count(text, "\n") != 8 {
		t.Errorf("report is\n%s", text)
	}
}

// TestCompareLessThanTwice wants half of too few real vectors on each side, and the settings of a measurement followed.
func TestCompareLessThanTwice(t *testing.T) {
	report := compare(t, normal(1, 100, 2, 0, 1), normal(2, 400, 2, 0, 1),
		Options{Measurements: []Measurement{FrechetDistance{Resamples: 2}, Shares{Neighbours: 3, MostPoints: 30}}})
	if report.N != 50 || number(t, report, RecallName).Note != "of 30 points" || len(report.Numbers) != 5 {
		t.Errorf("100 real and 400 generated vectors: %s", report)
	}
}

// TestAddedMeasurement wants the numbers of others unchanged to the bit by one that is put behind them, and its own beside what real
// data gets.
func TestAddedMeasurement(t *testing.T) {
	real, generated := normal(1, 200, 2, 0, 1), normal(2, 100, 2, 1, 1)
	shift := Resampled{Name: "shift", Note: "of the first component", Better: Lower, Of: func(real, generated Features) (float64, error) {
		mean := func(f Features) (sum float64) {
			for i := range f.N {
				sum += float64(f.Row(i)[0]) / float64(f.N)
			}
			return sum
		}
		return math.Abs(mean(real) - mean(generated)), nil
	}}
	plain := compare(t, real, generated, Options{Seed: 5})
	more := compare(t, real, generated, Options{Seed: 5, Measurements: append(Standard(), shift)})
	if !reflect.DeepEqual(more.Numbers[:len(plain.Numbers)], plain.Numbers) {
		t.Errorf("numbers changed from\n%s to\n%s", plain, more)
	}
	n := number(t, more, "shift")
	requireNear(t, "shift", n.Value, 1, 0.3)
	if !(n.Low < n.Value && n.Value < n.High) || n.Real > 0.3 || n.Low < n.Real {
		t.Errorf("%v, want an interval around the value and above what real data gets", n)
	}
	for _, listed := range []string{more.String(), more.HTML()} {
		if !strings.Contains(listed, "shift") || !strings.Contains(listed, "lower (of the first component)") {
			t.Errorf("the shift is not listed:\n%s", listed)
		}
	}
}

// TestReportJSON wants a report that is written and read to be the same, by names that are stable.
func TestReportJSON(t *testing.T) {
	report := compare(t, normal(1, 100, 2, 0, 1), normal(2, 50, 2, 0, 1), Options{Features: "noise", Reference: "none"})
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var read Report
	if err := json.Unmarshal(text, &read); err != nil || !reflect.DeepEqual(read, report) {
		t.Errorf("read again it is %+v (%v), want %+v", read, err, report)
	}
	for _, want := range []string{`{"features":"noise","reference":"none","n":50,"numbers":[{"name":"Fréchet distance","value":`, `"better":"lower"}`, `"note":"of 50 points"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
}

// given is a Measurement that gives what it has.
type given struct {
	numbers []Number
	ideal   []Number // of real vectors
	err     error
}

func (g given) Measure(_, _ Features, random *rand.Rand) ([]Number, error) {
	if random == nil {
		return g.ideal, g.err
	}
	return g.numbers, g.err
}

func TestBadMeasurements(t *testing.T) {
	broken := errors.New("no such network")
	one := []Number{{Name: "a", Better: Lower}}
	for want, measurements := range map[string][]Measurement{
		"has no name":                {given{numbers: []Number{{Better: Lower}}, ideal: one}},
		"set its Better":             {given{numbers: []Number{{Name: "a"}}, ideal: one}},
		"a is NaN":                   {given{numbers: []Number{{Name: "a", Better: Lower, Value: math.NaN()}}, ideal: one}},
		"real +Inf":                  {given{numbers: one, ideal: []Number{{Value: math.Inf(1)}}}},
		"2 of real ones":             {given{numbers: one, ideal: []Number{{}, {}}}},
		"two measured numbers are":   {given{numbers: one, ideal: one}, given{numbers: one, ideal: one}},
		"no such network":            {given{err: broken}},
		"want at least 31 of each":   {Shares{Neighbours: 30}},
		"no such network, resampled": {Resampled{Name: "a", Better: Lower, Of: func(Features, Features) (float64, error) { return 0, errors.New("no such network, resampled") }}},
	} {
		_, err := Compare(normal(1, 60, 2, 0, 1), normal(2, 30, 2, 0, 1), Options{Measurements: measurements})
		requireError(t, err, want)
	}
}

// TestMeasuresNotice wants every number that is to see a fault to see it: features whose columns are swapped on one side, vectors whose
// components come from different samples, a class that is lost, and one that is all there is. Intervals must stand clear of those of
// good samples.
func TestMeasuresNotice(t *testing.T) {
	const n, d = 600, 4
	real, good := clusters(1, 2*n), clusters(2, n)
	report := compare(t, real, good, Options{Seed: 1})
	if n := number(t, report, FrechetName); n.Low > n.Real || n.High < n.Real {
		t.Errorf("good samples: the interval of %v leaves out what real ones get", n)
	}
	all := []string{FrechetName, KernelName, PrecisionName, RecallName, DensityName, CoverageName}
	for fault, c := range map[string]struct {
		spoil func(f Features) Features
		sees  []string
	}{
		"two columns swapped": {func(f Features) Features {
			f = f.Rows(places(f.N, func(int) bool { return true }))
			for i := range f.N {
				row := f.Row(i)
				row[0], row[1] = row[1], row[0]
			}
			return f
		}, all},
		// Each column alone has the very same values as before.
		"a column permuted over the samples": {func(f Features) Features {
			f = f.Rows(places(f.N, func(int) bool { return true }))
			order := rand.New(rand.NewPCG(9, 0)).Perm(f.N)
			column := make([]float32, f.N)
			for i := range f.N {
				column[i] = f.Row(order[i])[2]
			}
			for i := range f.N {
				f.Row(i)[2] = column[i]
			}
			return f
		}, []string{FrechetName, KernelName, PrecisionName, DensityName, CoverageName}}, // recall is blind to outliers, see Manifold
		"a class lost": {func(f Features) Features {
			return f.Rows(twice(places(f.N, func(i int) bool { return i%3 != 1 }), f.N))
		}, []string{FrechetName, KernelName, RecallName, CoverageName}},
		"one class left": {func(f Features) Features {
			return f.Rows(twice(places(f.N, func(i int) bool { return i%3 == 0 }), f.N))
		}, []string{FrechetName, KernelName, RecallName, CoverageName}},
		"negated":       {func(f Features) Features { return scaled(f, -1) }, all},
		"twice as wide": {func(f Features) Features { return scaled(f, 2) }, all},
	} {
		spoilt := c.spoil(good)
		if spoilt.N != n || spoilt.D != d {
			t.Fatalf("%s: %d vectors of %d", fault, spoilt.N, spoilt.D)
		}
		worse := compare(t, real, spoilt, Options{Seed: 1})
		for _, name := range c.sees {
			was, is := number(t, report, name), number(t, worse, name)
			if was.Better == Lower && is.Low <= was.High || was.Better == Higher && is.High >= was.Low {
				t.Errorf("%s is not noticed by %v, which was %v", fault, is, was)
			}
		}
	}
}

// clusters are n vectors of three classes in turn, whose components are correlated within and between the classes.
func clusters(seed uint64, n int) Features {
	random := rand.New(rand.NewPCG(seed, 0))
	centres := [3][4]float64{{4, 0, 1, -2}, {-3, 5, -1, 0}, {0, -4, 6, 3}}
	f := Features{N: n, D: 4}
	for i := range n {
		shared := random.NormFloat64()
		for k, centre := range centres[i%3] {
			f.Values = append(f.Values, float32(centre+0.8*shared*float64(k-1)/2+0.4*random.NormFloat64()))
		}
	}
	return f
}

// places are those of n that are wanted.
func places(n int, wanted func(i int) bool) (all []int) {
	for i := range n {
		if wanted(i) {
			all = append(all, i)
		}
	}
	return all
}

// twice repeats places until there are n.
func twice(places []int, n int) (all []int) {
	for i := range n {
		all = append(all, places[i%len(places)])
	}
	return all
}

func scaled(f Features, by float32) Features {
	f = f.Rows(places(f.N, func(int) bool { return true }))
	for i := range f.Values {
		f.Values[i] *= by
	}
	return f
}
