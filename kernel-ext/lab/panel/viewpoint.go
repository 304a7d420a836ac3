package panel

import (
	"math"

	"gantry.local/gan/latent"
	"gantry.local/gan/train"
)

// viewpoint is what an explorer looks at: a place between two latents, moved along the first components, at a truncation,
// in a class. Its place is
//
//	z = ψ·(path(A, B, t) + offsets)
//
// where A and B are the latents of two seeds.
type viewpoint struct {
	a, b      int64     // seeds
	t         float64   // 0: A, 1: B
	spherical bool      // the path: latent.Spherical, else latent.Linear
	offsets   []float64 // of the first components
	psi       float64   // truncation, see latent.Shrink: 1 none, 0 the mean image
	class     int32     // of a conditional generator
}

// exploredDimensions is how many sliders of components there are at most.
const exploredDimensions = 6

// reach is how far an offset goes: as far as latents are from 0, so that it can lead away from any.
func reach(components int) float64 { return max(3, math.Round(math.Sqrt(float64(components)))) }

// at is z at t, of so many components.
func (v viewpoint) at(t float64, components int) []float32 {
	path := latent.Linear
	if v.spherical {
		path = latent.Spherical
	}
	z := path(train.Latents(1, components, v.a), train.Latents(1, components, v.b), t)
	for i, offset := range v.offsets {
		z[i] += float32(offset)
	}
	return latent.Shrink(z, v.psi)
}

// latents are z, and then those of a whole path in so many columns, from A to B.
func (v viewpoint) latents(components, columns int) []float32 {
	z := v.at(v.t, components)
	for column := range columns {
		z = append(z, v.at(float64(column)/float64(columns-1), components)...)
	}
	return z
}

// classes are the class of each of n latents, nil where the generator is not conditional.
func (v viewpoint) classes(n int, conditional bool) []int32 {
	if !conditional {
		return nil
	}
	classes := make([]int32, n)
	for i := range classes {
		classes[i] = v.class
	}
	return classes
}
