package data

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"

	"gantry.local/gan/sample"
)

// album is pictures by number, wherever they lie. Its methods can be used from several goroutines.
type album interface {
	size() int
	classes() (labels []int32, names []string) // labels are nil where the pictures have none
	title(i int) string                        // of a picture, as messages name it
	open(i int) (io.ReadSeekCloser, error)

	// mark tells a picture from what may have lain in its place before: its size in bytes, and when it was changed.
	mark(i int) (size, changed int64, err error)
}

// readPage decodes a picture of an album into a sample.
func readPage(pictures album, i int, sample []byte, options FolderOptions, room *room) error {
	file, err := pictures.open(i)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := readPicture(file, sample, options, maxPicture, room); err != nil {
		return fmt.Errorf("%s: %w", pictures.title(i), err)
	}
	return nil
}

// headOf is an album as a set without its samples.
func headOf(pictures album, options FolderOptions) *sample.Images {
	labels, names := pictures.classes()
	return &sample.Images{Labels: labels, Names: names, N: pictures.size(), Height: options.Height, Width: options.Width,
		Channels: options.channels()}
}

// loadAlbum reads all pictures of an album.
func loadAlbum(pictures album, options FolderOptions) (*sample.Images, error) {
	images := headOf(pictures, options)
	all, ok := volume(maxPixels, images.N, images.Height, images.Width, images.Channels)
	if !ok {
		return nil, fmt.Errorf("%d pictures of %d×%d×%d are more than %d bytes: train on them as a stream, or set Limit, or a smaller Size",
			images.N, images.Height, images.Width, images.Channels, maxPixels)
	}
	images.Pixels = make([]byte, all)
	size := all / images.N
	room := newRoom(maxDecoding)
	return images, inParallel(images.N, func(i int) error {
		return readPage(pictures, i, images.Pixels[i*size:][:size], options, room)
	})
}

// marked is a number for what lies in a picture's place: its name, its size in bytes and when it was changed.
func marked(pictures album, i int) (uint64, error) {
	size, changed, err := pictures.mark(i)
	if err != nil {
		return 0, err
	}
	h := fnv.New64a()
	io.WriteString(h, pictures.title(i))
	binary.Write(h, binary.LittleEndian, [2]int64{size, changed})
	return h.Sum64(), nil
}
