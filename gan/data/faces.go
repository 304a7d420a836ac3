package data

import (
	"fmt"
	"math/rand/v2"

	"gantry.local/gan/sample"
)

// FacesOptions tell how many faces are drawn, and how large. The zero value gives 20 000 of 32×32×3.
type FacesOptions struct {
	N    int // how many; 0 is 20 000
	Size int // height and width, 8 to 256; 0 is 32
	Gray bool
	Seed int64 // the same seed draws the same faces: face i doesn't depend on N
}

func (o FacesOptions) channels() int {
	if o.Gray {
		return 1
	}
	return 3
}

// Faces are cartoon faces that this package draws, no two alike: head, skin, hair and beard, eyes, brows, nose, mouth,
// glasses, clothes and background vary. There are four classes out of two features that a class-conditional GAN has to
// tell apart: 0 neutral, 1 smiling, 2 neutral with glasses, 3 smiling with glasses.
func Faces(options FacesOptions) Set {
	name := "faces" + optionText(options)
	if options.N == 0 {
		options.N = 20_000
	}
	if options.Size == 0 {
		options.Size = 32
	}
	return of(name, options)
}

// make implements maker.
func (o FacesOptions) make(name string) (*sample.Images, error) {
	if o.Size < 8 || o.Size > 256 {
		return nil, fmt.Errorf("%s: want a size of 8 to 256", name)
	}
	if err := drawable(name, o.N, o.Size*o.Size*o.channels(), maxPixels); err != nil {
		return nil, err
	}
	return drawFaces(o)
}

func drawFaces(options FacesOptions) (*sample.Images, error) {
	faces := &sample.Images{N: options.N, Height: options.Size, Width: options.Size, Channels: options.channels(),
		Names: []string{"neutral", "smiling", "neutral, glasses", "smiling, glasses"}}
	size := options.Size * options.Size * faces.Channels
	faces.Pixels, faces.Labels = make([]byte, options.N*size), make([]int32, options.N)
	err := inParallel(options.N, func(i int) error {
		face := randomFace(rand.New(rand.NewPCG(uint64(options.Seed), uint64(i))))
		picture := newCanvas(options.Size)
		face.draw(picture)
		picture.average(faces.Pixels[i*size:][:size], options.Gray)
		faces.Labels[i] = face.class()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return faces, faces.Check()
}
