package lab_test

import (
	"log"

	"gantry.local/gan"
	"gantry.local/gan/device"
	"gantry.local/gan/recipe"
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
