package data

import (
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"

	"gantry.local/gan/sample"
)

// archive is one half (training or test) of a data set in the format of MNIST: a gzipped IDX file of images and one of
// their labels. The sums are those of the unpacked files, so that files packed anew are as good as the first ones.
type archive struct {
	title           string   // "MNIST"
	place           place    // of the files
	images, labels  string   // their names
	imageSum        string   // SHA-256 of the unpacked images
	labelSum        string   // … and labels
	names           []string // of the classes
	missing, damage string   // what to do where a file is missing, or corrupt
}

// largestArchive is the unpacked size of the largest file, 60 000 images with their header.
const largestArchive = 60_000*28*28 + 16

// place says where the files of an archive are found.
type place uint8

const (
	inModule place = iota // MNIST's, in Go's module cache
	inDebian              // Fashion-MNIST's, in Debian's package
)

func (p place) dir() (string, error) {
	if p == inDebian {
		return fashionDir(), nil
	}
	return mnistDir()
}

func (a archive) make(string) (*sample.Images, error) {
	dir, err := a.place.dir()
	if err != nil {
		return nil, err
	}
	dims, pixels, err := a.read(filepath.Join(dir, a.images), a.imageSum)
	if err != nil {
		return nil, err
	}
	_, classes, err := a.read(filepath.Join(dir, a.labels), a.labelSum)
	if err != nil {
		return nil, err
	}
	labels := make([]int32, len(classes))
	for i, class := range classes {
		labels[i] = int32(class)
	}
	images := &sample.Images{Pixels: pixels, Labels: labels, N: dims[0], Height: dims[1], Width: dims[2], Channels: 1,
		Names: a.names}
	return images, images.Check()
}

func (a archive) read(path, sum string) (dims []int, values []byte, err error) {
	packed, err := openFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w: %s", a.title, err, a.missing)
	}
	defer packed.Close()
	whole := func(content []byte) bool { return fmt.Sprintf("%x", sha256.Sum256(content)) == sum }
	kept := unpackedOf(packed, sum)
	content := kept.read(largestArchive)
	if content == nil || !whole(content) {
		if content, err = unpack(packed, largestArchive); err != nil || !whole(content) {
			return nil, nil, fmt.Errorf("%s file %s is corrupt (its SHA-256 is wrong): %s", a.title, path, a.damage)
		}
		kept.keep(content)
	}
	if dims, values, err = readIDX(content, largestArchive); err != nil {
		return nil, nil, fmt.Errorf("%s file %s: %w", a.title, path, err)
	}
	return dims, values, nil
}

// unpack returns what was gzipped, but no more than a byte over the limit.
func unpack(packed io.Reader, limit int64) ([]byte, error) {
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(unpacked, limit+1))
}
