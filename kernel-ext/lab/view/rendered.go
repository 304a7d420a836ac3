package view

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"strings"

	"gantry.local/gan/data"
	"gantry.local/gan/export"
	"gantry.local/gan/sample"
)

// ErrNoText is the error of Rendered for samples that are no text.
var ErrNoText = errors.New("it makes no text")

// Rendered is the content of a file of samples, by the ending of its name: .png as Picture draws them, .npy float32
// [n,h,w,c], .txt a sample a line. classes is as for Picture.
func Rendered(samples sample.Images, like data.Set, classes int, ending string) ([]byte, error) {
	var content bytes.Buffer
	switch ending {
	case ".png":
		img, err := Picture(samples, like, classes)
		if err != nil {
			return nil, err
		}
		err = png.Encode(&content, img)
		return content.Bytes(), err
	case ".npy":
		err := export.WriteNPY(&content, samples)
		return content.Bytes(), err
	case ".txt":
		images, err := like.Head()
		if err != nil {
			return nil, err
		}
		if images.Alphabet == nil {
			return nil, ErrNoText
		}
		texts, err := data.Decode(samples.Values, images.Alphabet, samples.Height)
		return []byte(strings.Join(texts, "\n") + "\n"), err
	}
	return nil, fmt.Errorf("samples cannot be written as %q: use .png, .npy or .txt", ending)
}
