package recipe_test

import (
	"math"
	"testing"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
)

// TestClasses wants a conditional generator to draw different images of one class, and others of another, once it is trained a little: one
// that ignores its latents, or the class, passes every test of shapes.
func TestClasses(t *testing.T) {
	images := sampled(t, recipe.CGAN(), 150)
	within, between := spreads(images, 10)
	if within < 0.08 || between < 0.01 {
		t.Errorf("images of one class differ by %.3f a pixel, want 0.08, and classes by %.3f, want 0.01", within, between)
	}
}

// TestNoClassIsBlank wants every class of acgan drawn, once it is trained a little. Where the class counts as much as the image being real, ones
// are empty by then and remain so: nothing is surer to be called a one.
func TestNoClassIsBlank(t *testing.T) {
	const classes = 10
	images := sampled(t, recipe.ACGAN(), 200)
	ink := make([]float64, classes) // from 0 to 1, mean of a class's pixels; those of real digits have 0.076 (ones) to 0.17 (zeros)
	for i, v := range images.Values {
		ink[i/images.Size()%classes] += float64(v+1) / 2 / float64(len(images.Values)/classes)
	}
	for class, mean := range ink {
		if mean < 0.035 {
			t.Errorf("class %d has %.3f of its pixels inked, want 0.035: %.3f", class, mean, ink)
		}
	}
}

// sampled are 200 images of an experiment after some steps; the classes come in turn.
func sampled(t *testing.T, exp gan.Experiment, steps int) sample.Images {
	t.Helper()
	trainer, err := gan.NewTrainer(gantest.XLA(t), exp)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range trainer.Train(t.Context(), steps) {
		if err != nil {
			t.Fatal(err)
		}
	}
	images, err := trainer.Sample(200, 1)
	if err != nil {
		t.Fatal(err)
	}
	return images
}

// spreads are the standard deviations of a pixel within a class and of the classes' means. The classes come in turn.
func spreads(images sample.Images, classes int) (within, between float64) {
	size, each := images.Size(), float64(images.N/classes)
	for p := range size {
		means, mean := make([]float64, classes), 0.0
		for i := range images.N {
			means[i%classes] += float64(images.Values[i*size+p]) / each
		}
		for _, m := range means {
			mean += m / float64(classes)
		}
		for i := range images.N {
			within += square(float64(images.Values[i*size+p])-means[i%classes]) / float64(images.N*size)
		}
		for _, m := range means {
			between += square(m-mean) / float64(classes*size)
		}
	}
	return math.Sqrt(within), math.Sqrt(between)
}

func square(x float64) float64 { return x * x }
