package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"gantry.local/gan/sample"
)

// Stream is a set of pictures that is read while it is trained on. In memory are its head and the names of its pictures, a
// hundred bytes or so for each. Its methods can be used from several goroutines.
type Stream struct {
	head     *sample.Images // without Pixels
	pictures album
	options  FolderOptions
	room     *room
	decoded  *decoded // nil where nothing can be kept
}

// looker is a maker of pictures that can be read one by one.
type looker interface {
	look() (album, FolderOptions, error)
}

// loadPictures is the set of a looker in memory.
func loadPictures(from looker) (*sample.Images, error) {
	pictures, options, err := from.look()
	if err != nil {
		return nil, err
	}
	images, err := loadAlbum(pictures, options)
	if err != nil {
		return nil, err
	}
	return images, images.Check()
}

// streamOf is the set of a looker as a stream; nil where it fits into memory. path is where it lies.
func streamOf(from looker, path string) (*Stream, error) {
	pictures, options, err := from.look()
	if err != nil {
		return nil, err
	}
	head := headOf(pictures, options)
	if _, fits := volume(mostLoaded(), head.N, head.Size()); fits && !options.Stream {
		return nil, nil
	}
	return &Stream{head: head, pictures: pictures, options: options, room: newRoom(maxDecoding),
		decoded: openDecoded(path, options, head.N, head.Size())}, nil
}

// mostLoaded is from how many bytes on a set is a stream: the pictures are in memory twice, here and on a device that is this
// processor, and something else needs memory too.
func mostLoaded() int { return int(min(availableMemory()/4, maxPixels)) }

// Head returns the set without its samples: their number, shape, labels and names.
func (s *Stream) Head() *sample.Images { return s.head }

// Read decodes the samples at the given places into pixels, [len(places), Height, Width, Channels], on all processors. A
// picture that cannot be read is an error that names its file.
func (s *Stream) Read(places []int32, pixels []byte) error {
	size := s.head.Size()
	return inParallel(len(places), func(i int) error {
		return s.read(int(places[i]), pixels[i*size:][:size])
	})
}

// read brings one sample, from where it was kept or from its file.
func (s *Stream) read(i int, pixels []byte) error {
	mark, err := marked(s.pictures, i)
	if err != nil {
		return err
	}
	if s.decoded.read(i, mark, pixels) {
		return nil
	}
	if err := readPage(s.pictures, i, pixels, s.options, s.room); err != nil {
		return err
	}
	s.decoded.keep(i, mark, pixels)
	return nil
}

// Forget removes what was kept of the pictures as they were decoded. The stream reads on from their files.
func (s *Stream) Forget() error { return s.decoded.forget() }

// Rows returns copies of the samples at the given places, in that order.
func (s *Stream) Rows(places []int) (*sample.Images, error) {
	part := *s.head
	part.N, part.Labels = len(places), nil
	all, ok := volume(maxPixels, part.N, part.Size())
	if !ok {
		return nil, fmt.Errorf("%d samples of %d×%d×%d are none, or more than %d bytes", part.N, part.Height, part.Width, part.Channels, maxPixels)
	}
	rows := make([]int32, len(places))
	for i, place := range places {
		rows[i] = int32(place)
		if s.head.Labels != nil {
			part.Labels = append(part.Labels, s.head.Labels[place])
		}
	}
	part.Pixels = make([]byte, all)
	return &part, s.Read(rows, part.Pixels)
}

// Some returns n samples from all over the set, or all where it has fewer.
func (s *Stream) Some(n int) (*sample.Images, error) {
	return s.Rows(sample.Spread(s.head.N, n))
}

// Content is a hash of the names and sizes of all pictures, and of their classes: as much as can be told of them without
// reading them.
func (s *Stream) Content() (string, error) {
	h := sha256.New()
	for i := range s.head.N {
		size, _, err := s.pictures.mark(i)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s\n%d\n", s.pictures.title(i), size)
		if s.head.Labels != nil {
			fmt.Fprintln(h, s.head.Labels[i])
		}
	}
	for _, name := range s.head.Names {
		io.WriteString(h, name+"\n")
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}
