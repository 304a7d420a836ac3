// Package latent moves through the latent space of a trained generator, and looks for images in it.
//
// A latent z is drawn from N(0, I) in training, so in many dimensions nearly all of them lie near the sphere of radius
// sqrt(dimensions). What goes from one latent to another must stay near it, or it leaves what the generator has learnt:
//
//   - [Linear], [Spherical], [Between]: from one latent to another.
//   - [Walk]: a smooth closed path for an animation.
//   - [Truncate], [Shrink]: less variety for more typical images.
//   - [ClassGrid]: the same latents in every class of a conditional generator.
//
// The other direction, from an image to its latent, is [Project]. It needs no training of its own and serves three
// purposes: [Denoise], [Inpaint] and [SuperResolve] keep of a damaged image what the generator can make.
//
// [Augment] draws labelled images to add to a small data set, and [Join] adds them.
package latent

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Path goes from latent a, at t = 0, to latent b, at t = 1. a, b and the result: [latent]. [Linear] and [Spherical] are
// paths.
type Path func(a, b []float32, t float64) []float32

// Linear is (1-t)·a + t·b. Half way between two independent latents it is shorter than either by 1/sqrt(2), where the
// generator was hardly trained. It panics if the lengths differ.
func Linear(a, b []float32, t float64) []float32 {
	return mix(a, b, 1-t, t)
}

// Spherical follows the great circle from a to b, its radius changing evenly:
//
//	z = sin((1-t)θ)/sin θ · a + sin(tθ)/sin θ · b,    θ the angle between a and b
//
// so that latents of length r have only latents of length r between them. Where a and b point the same way or opposite
// ways no great circle is given, and it is Linear. It panics if the lengths differ.
//
// White, "Sampling generative networks", 2016, arXiv:1609.04468.
func Spherical(a, b []float32, t float64) []float32 {
	var dot, aa, bb float64
	for i, v := range a {
		dot += float64(v) * float64(b[i])
		aa += float64(v) * float64(v)
		bb += float64(b[i]) * float64(b[i])
	}
	angle := math.Acos(max(-1, min(1, dot/math.Sqrt(aa*bb))))
	if sine := math.Sin(angle); sine > 1e-6 { // false for the NaN of a zero vector too
		return mix(a, b, math.Sin((1-t)*angle)/sine, math.Sin(t*angle)/sine)
	}
	return Linear(a, b, t)
}

// mix is wa·a + wb·b.
func mix(a, b []float32, wa, wb float64) []float32 {
	if len(a) != len(b) {
		panic(fmt.Errorf("latents of %d and %d components have no path between them", len(a), len(b)))
	}
	z := make([]float32, len(a))
	for i := range z {
		z[i] = float32(wa*float64(a[i]) + wb*float64(b[i]))
	}
	return z
}

// Between lays out rows of interpolations: row i goes from latent i of a to latent i of b in the given number of
// columns, both ends included. a, b: [rows, latent]; the result: [rows·columns, latent].
func Between(a, b []float32, latent, columns int, path Path) ([]float32, error) {
	switch {
	case latent <= 0 || len(a) == 0 || len(a) != len(b) || len(a)%latent != 0:
		return nil, fmt.Errorf("cannot interpolate between %d and %d values: want equally many latents of %d components",
			len(a), len(b), latent)
	case columns < 2:
		return nil, fmt.Errorf("cannot interpolate in %d columns: want 2 or more", columns)
	}
	var z []float32
	for row := 0; row < len(a); row += latent {
		for column := range columns {
			z = append(z, path(a[row:row+latent], b[row:row+latent], float64(column)/float64(columns-1))...)
		}
	}
	return z, nil
}

// harmonics is how many sine waves each component of a Walk is made of.
const harmonics = 3

// Walk returns a closed path of latents that depends on the seed alone, [frames, latent]: the last frame is followed by
// the first. Each component is a random periodic function, and each frame by itself is distributed as N(0, I), as in
// training:
//
//	z_i(t) = Σ_k w_k·(a_ik·cos 2πkt + b_ik·sin 2πkt),    a, b ~ N(0,1),  w_k² ∝ 1/k²,  Σ w_k² = 1
//
// With more frames the same path is walked in smaller steps.
func Walk(frames, latent int, seed int64) []float32 {
	var weights [harmonics]float64
	var sum float64
	for k := range weights {
		weights[k] = 1 / float64(k+1)
		sum += weights[k] * weights[k]
	}
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	z := make([]float32, frames*latent)
	for i := range latent {
		for k, weight := range weights {
			weight /= math.Sqrt(sum)
			a, b := random.NormFloat64(), random.NormFloat64()
			for frame := range frames {
				sin, cos := math.Sincos(2 * math.Pi * float64(k+1) * float64(frame) / float64(frames))
				z[frame*latent+i] += float32(weight * (a*cos + b*sin))
			}
		}
	}
	return z
}

// Truncate returns a copy of z in which every component beyond ±threshold is drawn again until it lies within: the
// "truncation trick". Smaller thresholds give more typical and less varied images. threshold must be positive; below 0.1
// the redrawing takes long, use Shrink there. What is drawn depends on the seed and the component's place alone.
//
// Brock, Donahue and Simonyan, "Large scale GAN training for high fidelity natural image synthesis", 2018,
// arXiv:1809.11096.
func Truncate(z []float32, threshold float64, seed int64) ([]float32, error) {
	if !(threshold > 0) {
		return nil, fmt.Errorf("cannot truncate latents at %g: the threshold must be positive", threshold)
	}
	out := make([]float32, len(z))
	for i, v := range z {
		value := float64(v)
		for random := (*rand.Rand)(nil); !(math.Abs(value) <= threshold); value = random.NormFloat64() {
			if random == nil {
				random = rand.New(rand.NewPCG(uint64(seed), uint64(i)))
			}
		}
		out[i] = float32(value)
	}
	return out, nil
}

// Shrink returns ψ·z: latents nearer to the mean of the prior, 0. ψ: 0 gives one image, 1 changes nothing.
//
// Karras, Laine and Aila, "A style-based generator architecture for generative adversarial networks", 2018,
// arXiv:1812.04948, do so between a latent and the mean.
func Shrink(z []float32, psi float64) []float32 {
	out := make([]float32, len(z))
	for i, v := range z {
		out[i] = float32(psi * float64(v))
	}
	return out
}
