// Package sample holds the one type of samples that all of the library shares: what a data set loads, what a generator draws, what
// is measured, shown and saved.
//
// It knows nothing of where samples come from. Data sets are package data's, generators package gan's, and how good samples are
// says package metric.
//
// Reading order: sample.go (the type), scale.go (how channels were scaled), text.go (samples as strings), show.go (samples in a
// notebook).
package sample

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// MaxClasses is how many classes labels may be out of.
const MaxClasses = 1 << 16

// Images are N samples of Height×Width×Channels values, row-major, channels last. A sample is a picture, or what fits the same
// axes: a point in the plane is 1×1×2, a time series of T steps T×1×channels, a text of T characters T×1×1 with an Alphabet.
//
// The values are either Pixels, bytes that become x/127.5-1 in [-1, 1] for the networks, or Values, which the networks
// see as they are. Just one of the two is set. What a generator draws has Values: pictures in [-1, 1], points, series, or one
// channel for each character.
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
func (im Images) Classes() int {
	switch {
	case len(im.Labels) == 0:
		return 0
	case im.Names != nil:
		return len(im.Names)
	}
	return int(slices.Max(im.Labels)) + 1
}

// ClassName is what a class is called, its number where there are no Names.
func (im Images) ClassName(class int) string {
	if im.Names != nil {
		return im.Names[class]
	}
	return strconv.Itoa(class)
}

// Depth returns the length of the last axis as the networks see it: Channels, or the size of the Alphabet.
func (im Images) Depth() int {
	if im.Alphabet != nil {
		return len(im.Alphabet)
	}
	return im.Channels
}

// Check returns an error if the lengths of the slices do not fit the dimensions, or a value or label is impossible.
func (im Images) Check() error {
	switch size, ok := im.volume(); {
	case min(im.N, im.Height, im.Width, im.Channels) < 1:
		return fmt.Errorf("a set of %d images of %d×%d×%d is empty", im.N, im.Height, im.Width, im.Channels)
	case !ok:
		return fmt.Errorf("a set of %d images of %d×%d×%d is larger than any memory", im.N, im.Height, im.Width, im.Channels)
	case im.Pixels != nil && im.Values != nil:
		return errors.New("the set has both pixels and values: set just one of them")
	case im.Values != nil && len(im.Values) != size:
		return fmt.Errorf("the set has %d values; %d samples of %d×%d×%d need %d",
			len(im.Values), im.N, im.Height, im.Width, im.Channels, size)
	case im.Values == nil && len(im.Pixels) != size:
		return fmt.Errorf("the set has %d bytes of pixels; %d images of %d×%d×%d need %d",
			len(im.Pixels), im.N, im.Height, im.Width, im.Channels, size)
	case im.Labels != nil && len(im.Labels) != im.N:
		return fmt.Errorf("the set has %d labels for %d images", len(im.Labels), im.N)
	case im.Labels != nil && slices.Min(im.Labels) < 0:
		return fmt.Errorf("the set has the label %d: labels begin at 0", slices.Min(im.Labels))
	case im.Classes() > MaxClasses:
		return fmt.Errorf("the set has %d classes: labels are 0 to %d", im.Classes(), MaxClasses-1)
	case im.Labels != nil && int(slices.Max(im.Labels)) >= im.Classes():
		return fmt.Errorf("the set has the label %d and names for %d classes", slices.Max(im.Labels), im.Classes())
	case im.Scales != nil && (im.Values == nil || len(im.Scales) != im.Channels):
		return fmt.Errorf("the set has scales for %d of %d channels of values", len(im.Scales), im.Channels)
	case im.Alphabet != nil && (im.Channels != 1 || im.Values != nil || int(slices.Max(im.Pixels)) >= len(im.Alphabet)):
		return fmt.Errorf("a text needs one channel of indices into its alphabet of %d characters", len(im.Alphabet))
	}
	for i, v := range im.Values {
		if v-v != 0 {
			return fmt.Errorf("the set has the value %g in sample %d: want finite numbers", v, i*im.N/len(im.Values))
		}
	}
	return nil
}

// volume is N·Height·Width·Channels, and false where one of them is none or the product is beyond any memory.
func (im Images) volume() (size int, ok bool) {
	size = 1
	for _, side := range []int{im.N, im.Height, im.Width, im.Channels} {
		if side < 1 || side > math.MaxInt/size {
			return 0, false
		}
		size *= side
	}
	return size, true
}

// Size returns how many values, or pixels, a sample has: Height·Width·Channels.
func (im Images) Size() int { return im.Height * im.Width * im.Channels }

// Floats returns samples first to first+n-1 as the networks see them (pixels in [-1, 1], values as they are, characters
// one-hot): [n, Height, Width, Depth] float32, row-major. It is a copy.
func (im Images) Floats(first, n int) []float32 {
	size := im.Size()
	if im.Values != nil {
		return slices.Clone(im.Values[first*size : (first+n)*size])
	}
	floats := make([]float32, n*im.Height*im.Width*im.Depth())
	for i, pixel := range im.Pixels[first*size : (first+n)*size] {
		if im.Alphabet == nil {
			floats[i] = float32(pixel)/127.5 - 1
		} else {
			floats[i*len(im.Alphabet)+int(pixel)] = 1
		}
	}
	return floats
}

// Seen returns the samples as the networks see them, with Values of Depth channels and no Pixels or Alphabet: what a generator
// draws is compared with them. Values share memory with im, Pixels are converted as by Floats, and nothing is where they do not
// fit the dimensions.
func (im Images) Seen() Images {
	if size, ok := im.volume(); im.Values == nil && ok && len(im.Pixels) == size {
		im.Values = im.Floats(0, im.N)
	}
	im.Channels = im.Depth()
	im.Pixels, im.Alphabet = nil, nil
	return im
}

// Part returns samples first to first+n-1, which share memory with im.
func (im Images) Part(first, n int) Images {
	size, last := im.Size(), first+n
	if im.Values != nil {
		im.Values = im.Values[first*size : last*size : last*size]
	} else {
		im.Pixels = im.Pixels[first*size : last*size : last*size]
	}
	if im.Labels != nil {
		im.Labels = im.Labels[first:last:last]
	}
	im.N = n
	return im
}

// Rows returns copies of the samples at the given places, in that order.
func (im Images) Rows(places []int) Images {
	size, part := im.Size(), im
	part.N = len(places)
	part.Pixels, part.Values, part.Labels = nil, nil, nil
	if im.Values == nil {
		part.Pixels = make([]byte, 0, part.N*size)
	} else {
		part.Values = make([]float32, 0, part.N*size)
	}
	for _, i := range places {
		if im.Values == nil {
			part.Pixels = append(part.Pixels, im.Pixels[i*size:][:size]...)
		} else {
			part.Values = append(part.Values, im.Values[i*size:][:size]...)
		}
		if im.Labels != nil {
			part.Labels = append(part.Labels, im.Labels[i])
		}
	}
	return part
}

// Spread are at most so many of n places, evenly over all of them.
func Spread(n, most int) []int {
	places := make([]int, min(n, most))
	for i := range places {
		places[i] = i * n / len(places)
	}
	return places
}

// Unscale puts samples [n, Height, Width, Channels] in [-1, 1], drawn by a generator, back into the units of the file
// that im come from, in place. Where they weren't scaled it changes nothing.
func (im Images) Unscale(samples []float32) {
	for i, v := range samples {
		if im.Scales != nil {
			samples[i] = im.Scales[i%len(im.Scales)].undo(v)
		}
	}
}
