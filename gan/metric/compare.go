package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gantry.local/gan/internal/table"
)

// Options are the settings of Compare. The zero value is good.
type Options struct {
	Features   string // what the features are, printed with the report: an Extractor's Name; default "unnamed"
	Seed       int64  // of the split and of the resampling
	Resamples  int    // for the intervals; default 20
	Neighbours int    // k of precision, recall, density and coverage; default 5
	MostPoints int    // at most so many vectors of each set are compared by neighbours; default 2000
}

func (o Options) withDefaults() Options {
	if o.Features == "" {
		o.Features = "unnamed"
	}
	if o.Resamples <= 0 {
		o.Resamples = 20
	}
	if o.Neighbours <= 0 {
		o.Neighbours = 5
	}
	if o.MostPoints <= 0 {
		o.MostPoints = 2000
	}
	return o
}

// Estimate is a measured value beside what real data gets.
type Estimate struct {
	Value     float64 // of the generated vectors against real ones
	Low, High float64 // a 95 % interval of Value
	Real      float64 // of as many other real vectors against the same real ones: what a perfect generator gets
}

// String writes the value, its interval and what real data gets.
func (e Estimate) String() string {
	return fmt.Sprintf("%.4g [%.4g, %.4g], real %.4g", e.Value, e.Low, e.High, e.Real)
}

// Report is what Compare finds. A distance should be near its Real, from above; so should a share, from below.
type Report struct {
	Features string // what the features are
	N        int    // vectors on each side of a distance
	Points   int    // vectors on each side of the shares

	Frechet   Estimate // see Frechet; the interval is from resampling both sides
	Kernel    Estimate // see Kernel; the mean over at least ten disjoint blocks, whose spread makes the interval
	Precision Estimate // see Manifold; the intervals of the four are from resampling the vectors that are counted
	Recall    Estimate
	Density   Estimate
	Coverage  Estimate
}

// leastVectors is the smallest comparison that Compare makes.
const leastVectors = 20

// Compare measures generated features against real ones, each measure beside the same measure of real against real.
// For that it shuffles the real vectors, compares the generated ones with a first part of them and a second part, of the
// same size, with the first. So n generated vectors want 2n real ones; of fewer it uses half, and as many generated
// ones. Take the real ones from the data set at random: stretches of MNIST as it is stored differ measurably. Equal input
// and seed give an equal report.
func Compare(real, generated Features, options Options) (Report, error) {
	o := options.withDefaults()
	if err := checkPair(real, generated, 2); err != nil {
		return Report{}, err
	}
	n := min(generated.N, real.N/2)
	if n < max(leastVectors, o.Neighbours+1) {
		return Report{}, fmt.Errorf("a comparison of %d generated and %d real vectors is too small: want at least %d and %d",
			generated.N, real.N, leastVectors, 2*leastVectors)
	}
	random := rand.New(rand.NewPCG(uint64(o.Seed), 0))
	order := random.Perm(real.N)
	first, second := real.Rows(order[:n]), real.Rows(order[n:2*n])
	generated = generated.Rows(random.Perm(generated.N)[:n])

	report := Report{Features: o.Features, N: n, Points: min(n, o.MostPoints)}
	report.Frechet = frechetEstimate(first, generated, o, random)
	report.Frechet.Real = frechet(first, second, nil, nil)
	report.Kernel = kernelEstimate(first, generated)
	report.Kernel.Real = kernelEstimate(first, second).Value
	report.manifold(first.Slice(0, report.Points), second.Slice(0, report.Points), generated.Slice(0, report.Points), o,
		random)
	return report, nil
}

// frechetEstimate takes the spread of the distance from resampled vectors. Resampling moves the distance up, as small
// sets do, so only the spread is used.
func frechetEstimate(real, generated Features, o Options, random *rand.Rand) Estimate {
	value := frechet(real, generated, nil, nil)
	inReal, inGenerated := make([][]int, o.Resamples), make([][]int, o.Resamples)
	for i := range o.Resamples {
		inReal[i], inGenerated[i] = resample(random, real.N), resample(random, generated.N)
	}
	values := make([]float64, o.Resamples)
	eachRow(o.Resamples, func(i int) { values[i] = frechet(real, generated, inReal[i], inGenerated[i]) })
	_, deviation := meanAndDeviation(values)
	return Estimate{Value: value, Low: max(value-1.96*deviation, 0), High: value + 1.96*deviation}
}

// kernelEstimate averages the kernel distance over disjoint blocks of up to 500 vectors, at least ten of them.
func kernelEstimate(real, generated Features) Estimate {
	size := max(2, min(500, real.N/10))
	values := make([]float64, real.N/size)
	for block := range values {
		values[block] = kernel(real.Slice(block*size, size), generated.Slice(block*size, size))
	}
	mean, deviation := meanAndDeviation(values)
	const quantile = 2.26 // of Student's t for ten values; a little wide for more
	half := quantile * deviation / math.Sqrt(float64(len(values)))
	return Estimate{Value: mean, Low: mean - half, High: mean + half}
}

// manifold fills in the four shares.
func (r *Report) manifold(first, second, generated Features, o Options, random *rand.Rand) {
	found, ideal := neighbours(first, generated, o.Neighbours), neighbours(first, second, o.Neighbours)
	const resamples = 200
	var drawn [resamples]Manifold
	for i := range drawn {
		drawn[i] = found.manifold(resample(random, first.N), resample(random, generated.N))
	}
	value, real := found.manifold(nil, nil), ideal.manifold(nil, nil)
	for _, share := range []struct {
		to *Estimate
		of func(m Manifold) float64
	}{
		{&r.Precision, func(m Manifold) float64 { return m.Precision }},
		{&r.Recall, func(m Manifold) float64 { return m.Recall }},
		{&r.Density, func(m Manifold) float64 { return m.Density }},
		{&r.Coverage, func(m Manifold) float64 { return m.Coverage }},
	} {
		var values []float64
		for _, m := range drawn {
			values = append(values, share.of(m))
		}
		slices.Sort(values)
		*share.to = Estimate{Value: share.of(value), Real: share.of(real),
			Low: values[resamples*25/1000], High: values[resamples-1-resamples*25/1000]}
	}
}

// String prints the report as one table.
func (r Report) String() string {
	var out strings.Builder
	out.WriteString(r.title() + "\n")
	fmt.Fprintf(&out, "%-16s %9s   %-21s %9s\n", "", "generated", "95 % interval", "real")
	for _, row := range r.rows() {
		fmt.Fprintf(&out, "%-16s %9.4f   %9.4f … %-9.4f %9.4f\n", row.name, row.e.Value, row.e.Low, row.e.High, row.e.Real)
	}
	return out.String()
}

// HTML is the table for a notebook.
func (r Report) HTML() string {
	t := table.Table{Title: r.title(), Heads: []string{"", "generated", "95 % interval", "real"}, Words: 1,
		Remark: "real: as many real samples in the place of the generated ones, which no generator can be expected to surpass"}
	for _, row := range r.rows() {
		t.Rows = append(t.Rows, []string{row.name, fmt.Sprintf("%.4f", row.e.Value), fmt.Sprintf("%.4f … %.4f", row.e.Low, row.e.High),
			fmt.Sprintf("%.4f", row.e.Real)})
	}
	return t.HTML()
}

func (r Report) title() string {
	return fmt.Sprintf("features %s, %d generated against %d real (shares: %d)", r.Features, r.N, r.N, r.Points)
}

// measure is one of the report's, with its name.
type measure struct {
	name string
	e    Estimate
}

func (r Report) rows() []measure {
	return []measure{
		{"Fréchet distance", r.Frechet}, {"kernel distance", r.Kernel}, {"precision", r.Precision},
		{"recall", r.Recall}, {"density", r.Density}, {"coverage", r.Coverage},
	}
}

// resample draws n places out of n, with repetition.
func resample(random *rand.Rand, n int) []int {
	places := make([]int, n)
	for i := range places {
		places[i] = random.IntN(n)
	}
	return places
}

// meanAndDeviation returns the mean and the standard deviation (over n-1) of at least one value.
func meanAndDeviation(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / max(float64(len(values)-1), 1))
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
		return fmt.Errorf("cannot compare vectors of %d components with vectors of %d: use one classifier for both", a.D, b.D)
	}
	if a.N < n || b.N < n {
		return fmt.Errorf("cannot compare %d vectors with %d: want at least %d of each", a.N, b.N, n)
	}
	return nil
}
