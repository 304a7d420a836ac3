package measure

import (
	"fmt"
	"math"
	"strings"

	"gantry.local/gan/data"
	"gantry.local/gan/metric"
	"gantry.local/gan/sample"
)

// Of the search for copies: each sample is compared with each image.
const (
	copySamples = 500
	copyImages  = 2000 // of the training set, and as many that it does not have
)

// heldOutOf is the set of images beside a training set that it does not have.
func heldOutOf(set string) (data.Set, bool) {
	switch set {
	case "mnist":
		return data.MNISTTest(), true
	case "fashion-mnist":
		return data.FashionMNISTTest(), true
	}
	return data.Set{}, false
}

// copies measures whether samples lie nearer to training images than to others. What real data gets is what other held-out images get.
func copies(set data.Set, samples sample.Images, seed int64) (Number, error) {
	other, there := heldOutOf(set.Name)
	if !there {
		return Number{}, fmt.Errorf("%s has no images beside it that a generator has not seen", firstWord(set.Name))
	}
	trained, err := some(set, copyImages, seed)
	if err != nil {
		return Number{}, err
	}
	held, err := some(other, copyImages+copySamples, seed)
	if err != nil {
		return Number{}, err
	}
	unseen, stand := held.Part(0, copyImages), held.Part(copyImages, copySamples)
	found, err := metric.Memorised(samples.Part(0, min(copySamples, samples.N)), trained, unseen)
	if err != nil {
		return Number{}, err
	}
	ideal, err := metric.Memorised(stand, trained, unseen)
	if err != nil {
		return Number{}, err
	}
	n := len(found.Nearest)
	half := 1.96 * math.Sqrt(found.Closer*(1-found.Closer)/float64(n))
	return Number{Name: CopiesName, Value: found.Closer, Low: max(found.Closer-half, 0), High: min(found.Closer+half, 1), Real: &ideal.Closer,
		Better: metric.Lower, Note: fmt.Sprintf("than to images not seen, of %d samples; by chance %.2g", n, found.Expected)}, nil
}

// some are n samples of a set at random, or all where it has fewer.
func some(set data.Set, n int, seed int64) (sample.Images, error) {
	head, err := set.Head()
	if err != nil {
		return sample.Images{}, err
	}
	if n < head.N {
		set = data.Subset(set, n, seed)
	}
	chosen, err := set.Some(n)
	if err != nil {
		return sample.Images{}, err
	}
	return *chosen, nil
}

// firstWord is a set's name without its options.
func firstWord(set string) string {
	kind, _, _ := strings.Cut(set, ",")
	return kind
}
