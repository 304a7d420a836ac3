package metric

import (
	"fmt"

	"gantry.local/gan/sample"
)

// Extractor maps samples to features, on which sets of samples are compared. Classifier and OwnValues are extractors; any type with
// these methods is as good.
type Extractor interface {
	// Name is printed beside every distance: distances compare for features of one name only.
	Name() string
	// Reference says in a line where the features come from: the network, and what it was trained on.
	Reference() string
	// Features returns a vector for each of the samples, in their order.
	Features(images sample.Images) (Features, error)
}

// Labeller tells the classes of samples apart. Classifier is one.
type Labeller interface {
	// Fits returns nil for samples that it can read, and otherwise an error of one line.
	Fits(images sample.Images) error
	// Classes returns each sample's most likely class, and the confidence in it, in (0, 1].
	Classes(images sample.Images) (classes []int32, confidence []float64, err error)
	// NumClasses is how many classes it tells apart.
	NumClasses() int
}

// Features are N feature vectors of D components, row-major.
type Features struct {
	Values []float32
	N, D   int
}

// Row returns vector i, which shares memory with f.
func (f Features) Row(i int) []float32 { return f.Values[i*f.D : (i+1)*f.D] }

// Slice returns vectors first to first+n-1, which share memory with f.
func (f Features) Slice(first, n int) Features {
	return Features{Values: f.Values[first*f.D : (first+n)*f.D], N: n, D: f.D}
}

// Rows returns copies of the vectors at the given places.
func (f Features) Rows(places []int) Features {
	out := Features{N: len(places), D: f.D, Values: make([]float32, 0, len(places)*f.D)}
	for _, i := range places {
		out.Values = append(out.Values, f.Row(i)...)
	}
	return out
}

func (f Features) check(what string) error {
	if f.N < 1 || f.D < 1 || len(f.Values) != f.N*f.D {
		return fmt.Errorf("%s features: %d values are not %d vectors of %d", what, len(f.Values), f.N, f.D)
	}
	for _, v := range f.Values {
		if v-v != 0 {
			return fmt.Errorf("%s features hold the value %g: want finite numbers", what, v)
		}
	}
	return nil
}

// OwnValues is the Extractor whose features are the samples' own values: what there is without a classifier, and the right thing for
// points in the plane.
type OwnValues struct{}

// Name implements Extractor.
func (OwnValues) Name() string { return "values" }

// Reference implements Extractor.
func (OwnValues) Reference() string { return "the samples' own values" }

// Features implements Extractor. It fails where the samples do not pass Images.Check.
func (OwnValues) Features(images sample.Images) (Features, error) {
	images, err := seen(images)
	return vectors(images), err
}

// seen returns sound samples as the networks see them.
func seen(images sample.Images) (sample.Images, error) {
	if err := images.Check(); err != nil {
		return images, err
	}
	return images.Seen(), nil
}

// vectors makes a vector of each sample's Values, which it shares.
func vectors(images sample.Images) Features {
	return Features{Values: images.Values, N: images.N, D: images.Size()}
}
