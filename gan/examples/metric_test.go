package examples_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"gantry.local/gan/metric"
	"gantry.local/gan/sample"
)

// brightness is an extractor of one's own: the mean of each row of a grey image.
type brightness struct{}

func (brightness) Name() string      { return "brightness" }
func (brightness) Reference() string { return "the mean of each row; nothing was trained" }

func (brightness) Features(images sample.Images) (metric.Features, error) {
	f := metric.Features{N: images.N, D: images.Height, Values: make([]float32, images.N*images.Height)}
	for i, v := range images.Seen().Values {
		f.Values[i/images.Width] += v / float32(images.Width)
	}
	return f, nil
}

// spread is a measurement of one's own: how far vectors are from the one before, against real ones.
func spread(real, generated metric.Features) (float64, error) {
	of := func(f metric.Features) (sum float64) {
		for i := f.D; i < len(f.Values); i++ {
			sum += float64((f.Values[i] - f.Values[i-f.D]) * (f.Values[i] - f.Values[i-f.D]))
		}
		return sum
	}
	return of(generated) / of(real), nil
}

// An extractor and a measurement of one's own take part in a comparison as those of the package do. Nine in ten samples are one image.
func Example_metric() {
	random := rand.New(rand.NewPCG(1, 0))
	images := sample.Images{N: 600, Height: 4, Width: 4, Channels: 1, Pixels: make([]byte, 600*16)}
	for i := range images.Pixels {
		images.Pixels[i] = byte(random.IntN(256))
	}
	for i := 420; i < 600; i++ {
		copy(images.Pixels[i*16:], images.Pixels[400*16:401*16])
	}
	report, err := metric.CompareSamples(brightness{}, images.Part(0, 400), images.Part(400, 200), metric.Options{Measurements: append(
		metric.Standard(), metric.Resampled{Name: "spread", Better: metric.Higher, Of: spread})})
	if err != nil {
		log.Fatal(err)
	}
	found, _ := report.Number("spread")
	fmt.Printf("%s: %d numbers, spread is better %s\n", report.Features, len(report.Numbers), found.Better)
	fmt.Println("fewer than real images have:", found.High < 0.9 && 0.9 < found.Real)
	// Output:
	// brightness: 7 numbers, spread is better higher
	// fewer than real images have: true
}
