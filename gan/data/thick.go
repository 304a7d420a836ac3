package data

import (
	"fmt"

	"gantry.local/gan/sample"
)

// Thick makes the bright strokes of pictures thicker by a pixel on each side: each pixel is the brightest of the 3×3 around it (a
// dilation). A set and its Thick are two domains for a translation, of which one knows what should become what.
func Thick(set Set) Set { return of("thick "+set.Name, thick{of: set}) }

// thick makes a set of thicker pictures of another.
type thick struct{ of Set }

func (t thick) make(name string) (*sample.Images, error) {
	images, err := t.of.Load()
	if err != nil {
		return nil, err
	}
	if images.Pixels == nil || images.Alphabet != nil {
		return nil, fmt.Errorf("%s: only pictures can be made thick", name)
	}
	made := *images
	made.Pixels = make([]byte, len(images.Pixels))
	for row := range images.N * images.Height {
		first := row - row%images.Height // row of its picture
		for column := range images.Width {
			for channel := range images.Channels {
				most := byte(0)
				for r := max(row-1, first); r <= min(row+1, first+images.Height-1); r++ {
					for c := max(column-1, 0); c <= min(column+1, images.Width-1); c++ {
						most = max(most, images.Pixels[(r*images.Width+c)*images.Channels+channel])
					}
				}
				made.Pixels[(row*images.Width+column)*images.Channels+channel] = most
			}
		}
	}
	return &made, made.Check()
}
