package metric

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gantry.local/gan/sample"
)

// PathOptions are the settings of PathLength. The zero value is good.
type PathOptions struct {
	Paths     int       // random paths; default 100
	Epsilon   float64   // length of the step along a path, 0 to 1; default 1e-3
	Seed      int64     // of the latents
	Extractor Extractor // of what distances are measured on; nil is OwnValues
}

func (o PathOptions) withDefaults() PathOptions {
	if o.Paths <= 0 {
		o.Paths = 100
	}
	if o.Epsilon <= 0 {
		o.Epsilon = 1e-3
	}
	if o.Extractor == nil {
		o.Extractor = OwnValues{}
	}
	return o
}

// Path is what PathLength finds.
type Path struct {
	Mean, Deviation float64   // of the lengths
	Lengths         []float64 // one per path
}

// PathLength measures how smoothly images change with the latent: the mean of ‖f(G(z(t+ε))) - f(G(z(t)))‖² / (d·ε²) at
// a random place t of paths z between two random latents, where f are d features or values. Paths are spherical
// interpolations, which stay where normal latents lie. A low mean is a smooth generator, and 0 a collapsed one, so it is
// to be read beside the diversity; a large deviation means sudden changes.
//
// Karras, Laine and Aila, "A style-based generator architecture for generative adversarial networks", 2018,
// arXiv:1812.04948, with VGG features as f (perceptual path length).
func PathLength(generate func(z []float32) (sample.Images, error), latent int, options PathOptions) (Path, error) {
	o := options.withDefaults()
	if latent < 1 {
		return Path{}, fmt.Errorf("path length: latents have %d components, want at least 1", latent)
	}
	if o.Paths > 1<<20 || !(o.Epsilon > 0 && o.Epsilon <= 1) {
		return Path{}, fmt.Errorf("path length of %d paths by %g: want 1 to %d and a step of more than 0 and at most 1",
			o.Paths, o.Epsilon, 1<<20)
	}
	random := rand.New(rand.NewPCG(uint64(o.Seed), 0))
	var here, there []float32
	for range o.Paths {
		a, b := make([]float64, latent), make([]float64, latent)
		for i := range latent {
			a[i], b[i] = random.NormFloat64(), random.NormFloat64()
		}
		t := random.Float64() * (1 - o.Epsilon)
		here, there = append(here, slerp(a, b, t)...), append(there, slerp(a, b, t+o.Epsilon)...)
	}
	from, err := featuresOf(generate, here, o)
	if err != nil {
		return Path{}, err
	}
	to, err := featuresOf(generate, there, o)
	if err != nil {
		return Path{}, err
	}
	path := Path{Lengths: make([]float64, o.Paths)}
	for i := range path.Lengths {
		path.Lengths[i] = squaredDistance(from.Row(i), to.Row(i)) / float64(from.D) / (o.Epsilon * o.Epsilon)
	}
	path.Mean, path.Deviation = meanAndDeviation(path.Lengths)
	return path, nil
}

func featuresOf(generate func(z []float32) (sample.Images, error), z []float32, o PathOptions) (Features, error) {
	images, err := generate(z)
	if err != nil {
		return Features{}, fmt.Errorf("path length: %w", err)
	}
	features, err := o.Extractor.Features(images)
	if err == nil && features.N != o.Paths {
		err = fmt.Errorf("%d latents gave %d images", o.Paths, features.N)
	}
	if err == nil {
		err = features.check("path")
	}
	if err != nil {
		return Features{}, fmt.Errorf("path length: %w", err)
	}
	return features, nil
}

// slerp interpolates along the great circle from a (t = 0) to b (t = 1).
func slerp(a, b []float64, t float64) []float32 {
	var aa, bb, ab float64
	for i, v := range a {
		aa, bb, ab = aa+v*v, bb+b[i]*b[i], ab+v*b[i]
	}
	angle := math.Acos(min(max(ab/math.Sqrt(aa*bb), -1), 1))
	wa, wb := 1-t, t // for latents on one line
	if sine := math.Sin(angle); sine > 1e-6 {
		wa, wb = math.Sin((1-t)*angle)/sine, math.Sin(t*angle)/sine
	}
	out := make([]float32, len(a))
	for i, v := range a {
		out[i] = float32(wa*v + wb*b[i])
	}
	return out
}
