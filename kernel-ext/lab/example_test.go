package lab_test

import (
	"fmt"
	"log"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/lab"
)

// A cell that trains a recipe under the live figure. Running it again trains on.
func ExampleWatch() {
	backend, err := device.Open("")
	if err != nil {
		log.Fatal(err)
	}
	trainer, err := gan.NewTrainer(backend, recipe.MLP())
	if err != nil {
		log.Fatal(err)
	}
	if err := lab.Watch(trainer, lab.Steps(5000, 20), lab.Options{Title: "my first GAN"}); err != nil {
		log.Fatal(err)
	}
}

// Samples are drawn as the kind of data they imitate asks for: these are points, and become a scatter over the ring.
func ExamplePicture() {
	samples := sample.Images{Values: []float32{1, 0, 0, 1, -0.9, 0.1}, N: 3, Height: 1, Width: 1, Channels: 2}
	img, err := lab.Picture(samples, data.Ring8().Set(500, 0), 0)
	fmt.Println(img.Bounds().Size(), err)
	samples.Height, samples.Width = 3, 2
	_, err = lab.Picture(samples, data.Ring8().Set(500, 0), 0)
	fmt.Println(err)
	// Output:
	// (960,960) <nil>
	// there is no picture for samples of 3×2×2; write them as numbers
}
