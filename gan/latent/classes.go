package latent

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

var errUnconditional = errors.New("the generator is not conditional: train one with classes, such as an AC-GAN")

// ClassGrid draws one image per class and latent, row by row: row i is class i, and column j has the same latent in every
// row, so that a column shows what the latent means apart from the class. The generator must be conditional.
func ClassGrid(generator *train.Generator, columns int, seed int64) (sample.Images, error) {
	if err := conditional(generator, columns); err != nil {
		return sample.Images{}, err
	}
	row := train.Latents(columns, generator.Latent(), seed)
	var z []float32
	var classes []int32
	for class := range generator.Classes() {
		z = append(z, row...)
		classes = append(classes, slices.Repeat([]int32{int32(class)}, columns)...)
	}
	return generator.GenerateClasses(z, classes)
}

// Augment draws a labelled data set of perClass images of every class, the classes in turn, so that any part of it is
// balanced. The images are stored as bytes, x ↦ round(127.5·(x+1)). The generator must be conditional and make pictures
// in [-1, 1].
func Augment(generator *train.Generator, perClass int, seed int64) (*sample.Images, error) {
	if err := conditional(generator, perClass); err != nil {
		return nil, err
	}
	n := perClass * generator.Classes()
	labels := make([]int32, n)
	for i := range labels {
		labels[i] = int32(i % generator.Classes())
	}
	drawn, err := generator.GenerateClasses(train.Latents(n, generator.Latent(), seed), labels)
	if err != nil {
		return nil, err
	}
	images := &sample.Images{Labels: labels, N: n, Height: drawn.Height, Width: drawn.Width, Channels: drawn.Channels}
	images.Pixels = make([]byte, len(drawn.Values))
	for i, v := range drawn.Values {
		images.Pixels[i] = byte(math.Round(127.5 * (min(max(float64(v), -1), 1) + 1)))
	}
	return images, nil
}

// Join returns one labelled data set of the pictures of a, then those of b.
func Join(a, b *sample.Images) (*sample.Images, error) {
	for _, part := range []*sample.Images{a, b} {
		if err := part.Check(); err != nil {
			return nil, err
		}
		if part.Pixels == nil || part.Labels == nil || part.Alphabet != nil {
			return nil, errors.New("only labelled pictures can be joined")
		}
	}
	if a.Height != b.Height || a.Width != b.Width || a.Channels != b.Channels {
		return nil, fmt.Errorf("images of %d×%d×%d and %d×%d×%d cannot be joined",
			a.Height, a.Width, a.Channels, b.Height, b.Width, b.Channels)
	}
	joined := *a
	joined.N += b.N
	joined.Pixels = slices.Concat(a.Pixels, b.Pixels)
	joined.Labels = slices.Concat(a.Labels, b.Labels)
	return &joined, nil
}

func conditional(generator *train.Generator, perClass int) error {
	switch {
	case generator.Classes() == 0:
		return errUnconditional
	case perClass <= 0:
		return fmt.Errorf("cannot draw %d images per class: ask for at least 1", perClass)
	}
	return nil
}
