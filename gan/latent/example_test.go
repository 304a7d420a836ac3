package latent_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"gantry.local/gan"
	"gantry.local/gan/device"
	"gantry.local/gan/latent"
	"gantry.local/gan/train"
)

// Half way between two latents a straight line comes too near to the origin, and a great circle does not.
func ExampleSpherical() {
	a, b := []float32{3, 0}, []float32{0, 3}
	line, circle := latent.Linear(a, b, 0.5), latent.Spherical(a, b, 0.5)
	fmt.Printf("%.2f\n", math.Hypot(float64(line[0]), float64(line[1])))
	fmt.Printf("%.2f\n", math.Hypot(float64(circle[0]), float64(circle[1])))
	// Output:
	// 2.12
	// 3.00
}

// Two rows of four images each, from one latent to another.
func ExampleBetween() {
	z := train.Latents(4, 100, 1)
	rows, err := latent.Between(z[:200], z[200:], 100, 4, latent.Spherical)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(rows)/100, "latents for Generator.Generate")
	// Output:
	// 8 latents for Generator.Generate
}

// The latent of an image is looked for by gradient descent.
func ExampleProject() {
	backend, err := device.Open("")
	if err != nil {
		log.Fatal(err)
	}
	exp := gan.Experiment{Name: "tiny", Latent: components, Generator: network}
	generator, err := gan.NewGenerator(backend, exp, weights(components))
	if err != nil {
		log.Fatal(err)
	}
	targets, err := generator.Sample(2, 1)
	if err != nil {
		log.Fatal(err)
	}
	found, err := latent.Project(context.Background(), generator, targets, latent.ProjectOptions{Steps: 200})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Images.N, "images, each missed by less than 0.01:", max(found.Errors[0], found.Errors[1]) < 0.01)
	// Output:
	// 2 images, each missed by less than 0.01: true
}
