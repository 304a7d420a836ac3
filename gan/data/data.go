// Package data holds the data sets that GANs are trained on.
//
// A Set names a data set and loads it on demand, so an experiment can be described without reading anything. Images are
// kept as bytes, which is what the device stores too, and become float32 in [-1, 1] inside the compiled step.
package data

import "fmt"

// Images is a data set in memory: N images of Height×Width×Channels bytes, row-major, channels last.
type Images struct {
	Pixels                     []byte  // N·Height·Width·Channels intensities, 0 to 255
	Labels                     []uint8 // one class per image; nil where there are none
	N, Height, Width, Channels int
}

// Check returns an error if the lengths of the slices do not fit the dimensions.
func (im *Images) Check() error {
	switch size := im.N * im.Height * im.Width * im.Channels; {
	case im.N <= 0 || size <= 0:
		return fmt.Errorf("data set of %d images of %d×%d×%d is empty", im.N, im.Height, im.Width, im.Channels)
	case len(im.Pixels) != size:
		return fmt.Errorf("data set has %d bytes of pixels; %d images of %d×%d×%d need %d",
			len(im.Pixels), im.N, im.Height, im.Width, im.Channels, size)
	case im.Labels != nil && len(im.Labels) != im.N:
		return fmt.Errorf("data set has %d labels for %d images", len(im.Labels), im.N)
	}
	return nil
}

// Floats returns images first to first+n-1 as float32 in [-1, 1], row-major, channels last.
func (im *Images) Floats(first, n int) []float32 {
	size := im.Height * im.Width * im.Channels
	floats := make([]float32, 0, n*size)
	for _, pixel := range im.Pixels[first*size : (first+n)*size] {
		floats = append(floats, float32(pixel)/127.5-1)
	}
	return floats
}

// Set is a data set that can be loaded. The zero value is no set at all.
type Set struct {
	Name string                  // as given to --data, and kept in checkpoints
	Load func() (*Images, error) // reads and verifies the whole set
}

// Of makes a Set of images that are in memory already.
func Of(name string, images *Images) Set {
	return Set{Name: name, Load: func() (*Images, error) { return images, images.Check() }}
}

// Named returns the set called name, or an error that lists the names there are.
func Named(name string) (Set, error) {
	if name == "mnist" {
		return MNIST(), nil
	}
	return Set{}, fmt.Errorf("unknown data set %q: use mnist", name)
}
