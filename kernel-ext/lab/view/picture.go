package view

import (
	"errors"
	"fmt"
	"image"
	"slices"

	"gantry.local/gan/data"
	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/show"
)

// SampleKind says what samples are, and so how they are drawn.
type SampleKind uint8

// The kinds that others tell apart.
const (
	Other SampleKind = iota // for which there is no picture
	Pictures
	points
	series
	texts
)

// KindOf tells the kind of samples of height×width×depth that look like those of a data set; nil will do for pictures.
func KindOf(height, width, depth int, like *sample.Images) SampleKind {
	switch {
	case width > 1 && (depth == 1 || depth == 3):
		return Pictures
	case width > 1 || like == nil:
		return Other
	case like.Alphabet != nil:
		return texts
	case height == 1 && depth >= 2:
		return points
	case height > 1:
		return series
	}
	return Other
}

// ErrNoPicture is the error of Picture for samples that are neither pictures nor points, series or text, or are points of one number, and
// for a game that shows nothing.
var ErrNoPicture = errors.New("there is no picture for samples")

// layout is what a picture is for.
type layout uint8

const (
	page layout = iota // a file of its own, or a notebook's cell
	card               // the live figure
)

// Picture draws samples that look like those of set as the kind of its data asks for: points over the data's own, in the plane or in
// planes of two of their numbers each, time series as lines, characters as text, and pictures in a grid of ten columns. classes is that of a
// conditional generator whose samples are of the classes in turn, as many of each, and 0 for any other; up to twenty
// classes become a row each. The set is loaded where the samples' own shape does not tell what they are. The error
// is ErrNoPicture where there is no picture for them.
func Picture(samples sample.Images, set data.Set, classes int) (image.Image, error) {
	if KindOf(samples.Height, samples.Width, samples.Channels, nil) == Pictures {
		return grid(samples, classes)
	}
	like, err := set.Some(likeness)
	if err != nil {
		return nil, err
	}
	return draw(samples, KindOf(samples.Height, samples.Width, samples.Channels, like), like, page)
}

// grid is a page of pictures.
func grid(samples sample.Images, classes int) (image.Image, error) {
	sorted, columns := arranged(samples, classes)
	return show.GridImage(sorted, show.GridOptions{Columns: columns})
}

// arranged puts pictures of the classes in turn, as many of each, in the order of their classes, a row for each. Others
// stay as they are, in as many columns as package show chooses.
func arranged(samples sample.Images, classes int) (sorted sample.Images, columns int) {
	if classes < 1 || classes > mostRows || samples.N%classes != 0 {
		return samples, 0
	}
	var places []int
	for class := range classes {
		for i := class; i < samples.N; i += classes {
			places = append(places, i)
		}
	}
	return samples.Rows(places), samples.N / classes
}

const mostRows = 20 // of a class each

// draw draws samples that are no pictures.
func draw(samples sample.Images, kind SampleKind, like *sample.Images, l layout) (image.Image, error) {
	switch kind {
	case points:
		return planes(samples, like.Part(0, min(like.N, 1000)).Seen(), l)
	case series:
		lines := show.Sequences{Data: samples.Values, N: samples.N, T: samples.Height, C: samples.Channels}
		lines.YMin, lines.YMax = valueRange(like)
		for _, scale := range like.Scales {
			lines.Names = append(lines.Names, scale.Name)
		}
		if l == card {
			lines.Columns, lines.Rows, lines.Width, lines.Height = 4, 6, show.Room, show.Room
		}
		return show.LinesImage(lines)
	case texts:
		decoded, err := data.Decode(samples.Values, like.Alphabet, samples.Height)
		if err != nil {
			return nil, err
		}
		options := show.TextOptions{Length: samples.Height, Width: l.side()}
		if l == card {
			options.Height = show.Room
		}
		return show.TextsImage(decoded, options)
	}
	return nil, fmt.Errorf("%w of %d×%d×%d; write them as numbers", ErrNoPicture, samples.Height, samples.Width, samples.Channels)
}

// DrawCard draws samples that are no pictures for a card.
func DrawCard(samples sample.Images, kind SampleKind, like *sample.Images) (image.Image, error) {
	return draw(samples, kind, like, card)
}

// side is the length of a picture's sides, 0 for that of package show.
func (l layout) side() int {
	if l == card {
		return show.Room
	}
	return 0
}

// valueRange is an axis for the values of the data, with a little room.
func valueRange(like *sample.Images) (low, high float64) {
	if like.Values == nil {
		return -1, 1
	}
	low, high = float64(slices.Min(like.Values)), float64(slices.Max(like.Values))
	room := 0.05 * max(high-low, 1e-6)
	return low - room, high + room
}
