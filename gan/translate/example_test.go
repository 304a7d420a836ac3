package translate_test

import (
	"context"
	"fmt"
	"log"

	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/train"
	"gantry.local/gan/translate"
)

// A network learns to double the size of images.
func Example() {
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Finalize()
	trainer, err := train.New(backend, translate.Experiment{
		Data: data.Of("quarters", quarters()), Degrade: translate.Half{}, Network: network, Critic: critic,
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, err := range trainer.Train(context.Background(), 20) {
		if err != nil {
			log.Fatal(err)
		}
	}
	small, err := translate.Damage(backend, translate.Half{}, good(), 1)
	if err != nil {
		log.Fatal(err)
	}
	large, err := trainer.Apply(translate.NetworkName, small)
	fmt.Printf("%d×%d to %d×%d %v\n", small.Height, small.Width, large.Height, large.Width, err)
	// Output:
	// 4×4 to 8×8 <nil>
}
