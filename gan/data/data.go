// Package data holds the data sets that GANs are trained on.
//
// A Set names a data set and loads it on demand, so an experiment can be described without reading anything. Pictures
// are kept as bytes, which is what the device stores too, and become float32 in [-1, 1] inside the compiled step.
//
//   - MNIST, FashionMNIST, their test sets, and StackedMNIST with its thousand modes;
//   - Ring8, Grid25, SwissRoll and Moons, toys in the plane whose truth is known;
//   - Faces, cartoon faces drawn by this package; Folder, pictures of one's own;
//   - Sines and CSV, time series; Phrases and Text, characters;
//   - Split, Subset, OfClasses, Balanced and Imbalanced, which make sets of other sets.
//
// Named finds a set by its name. A set comes from plain data (source.go), so that a notebook can keep it from cell to cell.
//
// # What is refused
//
// What comes from outside is bounded before memory is taken for it, and refused in one line otherwise. A file is a regular
// one: a device has no end, a FIFO waits. A set is at most 4 GiB of pictures, 2³⁰ characters or 2²⁸ numbers, in at most
// 65 536 classes.
//
//   - A picture has sides of at most 16 384, 2²⁶ pixels, and takes at most 320 MiB while it is read, which many at a time
//     share; a progressive JPEG has at most 100 scans. There are at most 2²² files and folders, at most 100 deep.
//   - A CSV file has at most 2²⁶ numbers in the columns that are read, all finite, and rows of at most 1 MiB.
//   - A text has at most 64 MiB and 255 characters beside the space.
//   - The files of MNIST and Fashion-MNIST have the content that the package knows.
package data

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Images is a data set in memory: N samples of Height×Width×Channels values, row-major, channels last. A sample is a
// picture, or what fits the same four axes: a point in the plane is 1×1×2, a time series of T steps T×1×channels, a text
// of T characters T×1×1 with an Alphabet.
//
// The values are either Pixels, bytes that become x/127.5-1 in [-1, 1] for the networks, or Values, which the networks
// see as they are. Just one of the two is set.
type Images struct {
	Pixels []byte    // N·Height·Width·Channels intensities, 0 to 255; with an Alphabet, indices into it
	Values []float32 // N·Height·Width·Channels numbers, finite

	Labels                     []int32 // one class per sample, 0 to classes-1; nil where there are none
	N, Height, Width, Channels int

	// Alphabet, where it is set, makes Pixels indices into it (Channels is 1), and the networks see each as a one-hot
	// vector: [N, Height, Width, len(Alphabet)], 0 or 1.
	Alphabet []rune

	Names  []string // what each class is called; nil where that isn't known
	Scales []Scale  // how each channel was scaled, see Unscale; nil where Values are as they were
}

// Classes returns how many classes the labels are out of: as many as there are Names, or the largest label and 1
// without names; 0 without labels.
func (im *Images) Classes() int {
	switch {
	case len(im.Labels) == 0:
		return 0
	case im.Names != nil:
		return len(im.Names)
	}
	return int(slices.Max(im.Labels)) + 1
}

// Depth returns the length of the last axis as the networks see it: Channels, or the size of the Alphabet.
func (im *Images) Depth() int {
	if im.Alphabet != nil {
		return len(im.Alphabet)
	}
	return im.Channels
}

// Check returns an error if the lengths of the slices do not fit the dimensions, or a value or label is impossible.
func (im *Images) Check() error {
	switch size, ok := volume(math.MaxInt, im.N, im.Height, im.Width, im.Channels); {
	case min(im.N, im.Height, im.Width, im.Channels) < 1:
		return fmt.Errorf("data set of %d images of %d×%d×%d is empty", im.N, im.Height, im.Width, im.Channels)
	case !ok:
		return fmt.Errorf("data set of %d images of %d×%d×%d is larger than any memory", im.N, im.Height, im.Width, im.Channels)
	case im.Pixels != nil && im.Values != nil:
		return errors.New("data set has both pixels and values: set just one of them")
	case im.Values != nil && len(im.Values) != size:
		return fmt.Errorf("data set has %d values; %d samples of %d×%d×%d need %d",
			len(im.Values), im.N, im.Height, im.Width, im.Channels, size)
	case im.Values == nil && len(im.Pixels) != size:
		return fmt.Errorf("data set has %d bytes of pixels; %d images of %d×%d×%d need %d",
			len(im.Pixels), im.N, im.Height, im.Width, im.Channels, size)
	case im.Labels != nil && len(im.Labels) != im.N:
		return fmt.Errorf("data set has %d labels for %d images", len(im.Labels), im.N)
	case im.Labels != nil && slices.Min(im.Labels) < 0:
		return fmt.Errorf("data set has the label %d: labels begin at 0", slices.Min(im.Labels))
	case im.Classes() > maxClasses:
		return fmt.Errorf("data set has %d classes: labels are 0 to %d", im.Classes(), maxClasses-1)
	case im.Labels != nil && int(slices.Max(im.Labels)) >= im.Classes():
		return fmt.Errorf("data set has the label %d and names for %d classes", slices.Max(im.Labels), im.Classes())
	case im.Scales != nil && (im.Values == nil || len(im.Scales) != im.Channels):
		return fmt.Errorf("data set has scales for %d of %d channels of values", len(im.Scales), im.Channels)
	case im.Alphabet != nil && (im.Channels != 1 || im.Values != nil || int(slices.Max(im.Pixels)) >= len(im.Alphabet)):
		return fmt.Errorf("a text needs one channel of indices into its alphabet of %d characters", len(im.Alphabet))
	}
	for i, v := range im.Values {
		if v != v || v-v != 0 {
			return fmt.Errorf("data set has the value %g in sample %d: want finite numbers", v, i*im.N/len(im.Values))
		}
	}
	return nil
}

// Floats returns samples first to first+n-1 as the networks see them (pixels in [-1, 1], values as they are, characters
// one-hot): [n, Height, Width, Depth] float32, row-major.
func (im *Images) Floats(first, n int) []float32 {
	size := im.Height * im.Width * im.Channels
	if im.Values != nil {
		return slices.Clone(im.Values[first*size : (first+n)*size])
	}
	floats := make([]float32, 0, n*size*im.Depth()/im.Channels)
	for _, pixel := range im.Pixels[first*size : (first+n)*size] {
		if im.Alphabet == nil {
			floats = append(floats, float32(pixel)/127.5-1)
			continue
		}
		floats = append(floats, make([]float32, len(im.Alphabet))...)
		floats[len(floats)-len(im.Alphabet)+int(pixel)] = 1
	}
	return floats
}

// Set is a data set that can be loaded. The zero value is no set at all.
//
// The sets of this package are read or drawn at the first Load, and kept: every later Load of the same Set returns the
// same Images, which callers must not change.
type Set struct {
	Name string                  // as given to --data, and kept in checkpoints
	Load func() (*Images, error) // reads and verifies the whole set
}
