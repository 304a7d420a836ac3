package data

import "fmt"

// What a set may hold, and what may be read to make it. The package's doc comment and docs/troubleshooting.md state them.
const (
	maxPixels = 1 << 32 // bytes of pictures, 4 GiB
	maxValues = 1 << 28 // numbers, a gigabyte as float32
	maxText   = 1 << 26 // bytes of a text
	maxChars  = 1 << 30 // characters of a text's samples, one byte for each
	maxTable  = 1 << 26 // numbers of a CSV file, half a gigabyte as float64
	maxRow    = 1 << 20 // bytes of a row of a CSV file
	maxFiles  = 1 << 22 // files and folders below a folder of pictures

	maxPicture  = 1 << 26 // pixels of a picture before it is resized
	maxSide     = 1 << 14 // pixels of its height, or width
	maxDecoding = 5 << 26 // bytes, 320 MiB, of all pictures that are being read at a time
	maxScans    = 100     // of a progressive JPEG: each goes over all of the picture
)

// volume returns the product of sides that are 1 or more, and false if it is more than most.
func volume(most int, sides ...int) (size int, ok bool) {
	size = 1
	for _, side := range sides {
		if side < 1 || side > most/size {
			return 0, false
		}
		size *= side
	}
	return size, true
}

// drawable returns an error unless n samples of size values each can be drawn.
func drawable(name string, n, size, most int) error {
	switch _, ok := volume(most, n, size); {
	case n < 1 || size < 1:
		return fmt.Errorf("%s: want at least one sample", name)
	case !ok:
		return fmt.Errorf("%s: a set holds at most %d samples of %d values: ask for fewer, or smaller ones", name, most/size, size)
	}
	return nil
}
