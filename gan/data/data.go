// Package data holds the data sets that GANs are trained on.
//
// A Set names a data set and loads it on demand, so an experiment can be described without reading anything. Pictures
// are kept as bytes, which is what the device stores too, and become float32 in [-1, 1] inside the compiled step.
//
//   - MNIST, FashionMNIST, their test sets, and StackedMNIST with its thousand modes;
//   - Ring8, Grid25, SwissRoll and Moons, toys in the plane whose truth is known;
//   - Faces, cartoon faces drawn by this package; Folder and Shards, pictures of one's own;
//   - Sines and CSV, time series; Phrases and Text, characters;
//   - Split, Subset, OfClasses, Balanced, Imbalanced and Thick, which make sets of other sets.
//
// Named finds a set by its name, those made of other sets too (derived.go). A set comes from plain data (source.go), so that a notebook can keep it from cell to cell.
//
// # What does not fit
//
// A set that fits is loaded whole, and a trainer keeps it on the device. A Folder or Shards of more than a quarter of the
// memory (memory.go) is a Stream (stream.go): of it there are in memory the head, which says how many samples of what shape and classes it
// has, the samples' names, and the few batches that are read ahead while the device works. Set.Head and Set.Some are the ways to
// a set that may be one; Load is for all of its samples.
//
// Pictures are read from an album, a folder's (folder.go) or that of tar shards (shards.go), by album.go; what was decoded once
// is kept in the user's cache folder (decoded.go), so that from the second epoch on a picture costs one read.
//
// # What is refused
//
// What comes from outside is bounded before memory is taken for it, and refused in one line otherwise. A file is a regular
// one: a device has no end, a FIFO waits. A set that is loaded is at most 4 GiB of pictures, 2³⁰ characters or 2²⁸ numbers, in at
// most 65 536 classes.
//
//   - A picture has sides of at most 16 384, 2²⁶ pixels, and takes at most 320 MiB while it is read, which many at a time
//     share; a progressive JPEG has at most 100 scans. There are at most 2²² files and folders, at most 100 deep.
//   - A CSV file has at most 2²⁶ numbers in the columns that are read, all finite, and rows of at most 1 MiB.
//   - A text has at most 64 MiB and 255 characters beside the space.
//   - The files of MNIST and Fashion-MNIST have the content that the package knows.
package data

import (
	"gantry.local/gan/sample"
)

// Set is a data set that can be loaded. The zero value is no set at all.
//
// The sets of this package are read or drawn at the first Load, and kept: every later Load of the same Set returns the
// same Images, which callers must not change.
type Set struct {
	Name string                         // as given to --data, and kept in checkpoints
	Load func() (*sample.Images, error) // reads and verifies the whole set

	// Open returns the set as a stream, always the same one, and nil where it is small enough to be loaded. Default nil: the set
	// is loaded.
	Open func() (*Stream, error)
}

// Stream returns the set as a stream; nil for one that is loaded.
func (s Set) Stream() (*Stream, error) {
	if s.Open == nil {
		return nil, nil
	}
	return s.Open()
}

// Head returns what the set says of itself: number, shape, classes and their names. Of a stream it has no Pixels; any other
// set is loaded, and returned as it is.
func (s Set) Head() (*sample.Images, error) {
	stream, err := s.Stream()
	if err != nil {
		return nil, err
	}
	if stream == nil {
		return s.Load()
	}
	return stream.Head(), nil
}

// Some returns samples of the set to look at: of a stream as many as are wanted, from all over it, or all where it has fewer.
// Any other set is loaded, and returned whole.
func (s Set) Some(n int) (*sample.Images, error) {
	stream, err := s.Stream()
	if err != nil {
		return nil, err
	}
	if stream == nil {
		return s.Load()
	}
	return stream.Some(n)
}
