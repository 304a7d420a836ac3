package gan_test

import (
	"context"
	"fmt"
	"log"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/net"
)

// An experiment is described, trained for a few steps, and sampled.
func Example() {
	backend, err := device.Open("")
	if err != nil {
		log.Fatal(err)
	}
	trainer, err := gan.NewTrainer(backend, gan.Experiment{
		Name: "first", Data: data.MNIST(), BatchSize: 8,
		Generator: net.MLPGenerator, Critic: net.MLPCritic,
	})
	if err != nil {
		log.Fatal(err)
	}
	for progress, err := range trainer.Train(context.Background(), 5) {
		if err != nil {
			log.Fatal(err)
		}
		if progress.Step == 5 {
			fmt.Println("done with step", progress.Step)
		}
	}
	images, err := trainer.Sample(100, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d images of %d×%d\n", images.N, images.Height, images.Width)
	// Output:
	// done with step 5
	// 100 images of 28×28
}
