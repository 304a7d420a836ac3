package examples_test

import (
	"context"
	"log"
	"math/rand/v2"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/method"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// trained is a trainer on the pure Go backend after a number of steps, and the progress of the last.
func trained(of method.Description, steps int) (*train.Trainer, train.Progress) {
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	trainer, err := train.New(backend, of)
	if err != nil {
		log.Fatal(err)
	}
	var last train.Progress
	for progress, err := range trainer.Train(context.Background(), steps) {
		if err != nil {
			log.Fatal(err)
		}
		last = progress
	}
	return trainer, last
}

// shades is a set of 128 noisy images of 4×4 pixels around one brightness.
func shades(name string, around float64) data.Set {
	random := rand.New(rand.NewPCG(1, 2))
	images := &sample.Images{N: 128, Height: 4, Width: 4, Channels: 1}
	for range 128 * 16 {
		images.Values = append(images.Values, float32(around+0.1*random.NormFloat64()))
	}
	return data.Of(name, images)
}

// mean is that of values.
func mean(values []float32) (mean float64) {
	for _, v := range values {
		mean += float64(v) / float64(len(values))
	}
	return mean
}

// values are a variable's.
func values(v *model.Variable) []float32 { return tensors.MustCopyFlatData[float32](v.MustValue()) }
