package gomlx

import (
	"image"
	"image/color"
	"math"
	"reflect"
)

const (
	leastSide    = 4   // pixels of the sides of what is taken for pictures
	leastAlone   = 8   // of one picture without a batch axis
	mostPictures = 100 // of a batch that are drawn
)

// pictures returns the pictures that numbers of a shape are, [n, h, w, c] or [h, w, c] with one channel or three, or nil.
// Numbers in [-1, 1], in [0, 1] and bytes are taken as pictures are kept; others are spread over their range.
func pictures(dimensions []int, numbers reflect.Value) []image.Image {
	n, side := 1, leastAlone
	if len(dimensions) == 4 {
		n, dimensions, side = dimensions[0], dimensions[1:], leastSide
	}
	if len(dimensions) != 3 || dimensions[2] != 1 && dimensions[2] != 3 || min(dimensions[0], dimensions[1]) < side {
		return nil
	}
	height, width, channels := dimensions[0], dimensions[1], dimensions[2]
	size := height * width * channels
	n = min(n, mostPictures, numbers.Len()/size)
	number := reader(numbers)
	if n < 1 || number == nil {
		return nil
	}
	low, high := math.Inf(1), math.Inf(-1)
	for i := range n * size {
		if x := number(i); x-x == 0 {
			low, high = min(low, x), max(high, x)
		}
	}
	switch kind := numbers.Type().Elem().Kind(); {
	case low > high:
		return nil
	case kind == reflect.Uint8:
		low, high = 0, 255
	case low >= 0 && high <= 1:
		low, high = 0, 1
	case low >= -1 && high <= 1:
		low, high = -1, 1
	}
	level := func(x float64) uint8 {
		return uint8(math.Round(255 * (x - low) / max(high-low, math.SmallestNonzeroFloat32)))
	}
	all := make([]image.Image, n)
	for i := range all {
		img := image.NewNRGBA(image.Rect(0, 0, width, height))
		for pixel := range height * width {
			at := i*size + pixel*channels
			r, g, b := number(at), number(at+channels/2), number(at+channels-1)
			c := color.NRGBA{0xff, 0, 0xff, 0xff} // of what is no number
			if s := r + g + b; s-s == 0 {
				c = color.NRGBA{level(r), level(g), level(b), 0xff}
			}
			img.SetNRGBA(pixel%width, pixel/width, c)
		}
		all[i] = img
	}
	return all
}

// reader returns a function that reads a number of a slice, or nil where it has no real numbers.
func reader(numbers reflect.Value) func(i int) float64 {
	switch zero := reflect.Zero(numbers.Type().Elem()); {
	case zero.CanFloat():
		return func(i int) float64 { return numbers.Index(i).Float() }
	case zero.CanInt():
		return func(i int) float64 { return float64(numbers.Index(i).Int()) }
	case zero.CanUint():
		return func(i int) float64 { return float64(numbers.Index(i).Uint()) }
	}
	return nil
}
