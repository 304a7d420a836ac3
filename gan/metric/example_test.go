package metric_test

import (
	"fmt"
	"log"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/metric"
	"gantry.local/gan/net"
	"gantry.local/gan/sample"
)

// Features of real and generated images are compared in one report. The generated images here are real ones, blurred by
// half a pixel.
func Example() {
	backend, err := device.Open("")
	if err != nil {
		log.Fatal(err)
	}
	set := data.MNIST()
	images, err := set.Load()
	if err != nil {
		log.Fatal(err)
	}
	classifier, err := metric.Open(backend, metric.NameFor(set.Name))
	if err != nil {
		log.Fatal(err)
	}
	samples := images.Part(2000, 1000).Seen()
	for i := range len(samples.Values) - 1 {
		samples.Values[i] = (samples.Values[i] + samples.Values[i+1]) / 2
	}
	report, err := metric.CompareSamples(classifier, images.Part(0, 2000), samples, metric.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("features:", report.Features)
	fmt.Println("from:", report.Reference)
	distance, _ := report.Number(metric.FrechetName)
	fmt.Println("farther than real images:", distance.Low > distance.Real)
	// Output:
	// features: gantry-mnist-1
	// from: a network of 56 715 weights (metric.Network), trained on the 60 000 training images of MNIST
	// farther than real images: true
}

func ExampleFrechet() {
	a := metric.Features{Values: []float32{0, 1, 2}, N: 3, D: 1} // mean 1, variance 1
	b := metric.Features{Values: []float32{3, 5, 7}, N: 3, D: 1} // mean 5, variance 4
	distance, err := metric.Frechet(a, b)
	fmt.Printf("%.3f %v\n", distance, err) // (5-1)² + (2-1)²
	// Output: 17.000 <nil>
}

func ExampleModes() {
	points := []float32{0, 0.1, 0.1, 0, 5, 5.1, 2, 2}
	report, err := metric.Modes(points, [][2]float64{{0, 0}, {5, 5}, {5, 0}}, 0.1, 1)
	fmt.Println(report, err)
	// Output: 2 of 3 modes, 75.0 % high quality, reverse KL 0.536 <nil>
}

func ExampleHistogram() {
	h, err := metric.Count([]int32{0, 0, 0, 1, 1, 2, 2, 2}, 4)
	if err != nil {
		log.Fatal(err)
	}
	class, share := h.Rarest()
	divergence, err := h.KL(nil)
	fmt.Printf("%d of %d classes, class %d has %.0f %%, KL %.2f %v\n", h.Captured(1), len(h), class, 100*share, divergence, err)
	// Output: 3 of 4 classes, class 3 has 0 %, KL 0.30 <nil>
}

// A monitor knows the data and judges samples by it.
func ExampleMonitor() {
	var images sample.Images
	for i := range 64 {
		images.Values = append(images.Values, float32(i%8)/4-1, float32(i/8)/4-1)
	}
	images.N, images.Height, images.Width, images.Channels = 64, 1, 1, 2
	monitor, err := metric.NewMonitor(images, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, samples := range [][]float32{{-1, -1, 0.75, 0.75, -1, 0.75, 0.75, -1}, {0.5, 0.5, 0.51, 0.5, 0.5, 0.51, 0.5, 0.5}} {
		signal, err := monitor.Look(sample.Images{Values: samples, N: 4, Height: 1, Width: 1, Channels: 2}, metric.Vitals{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(signal)
	}
	// Output:
	// ok: samples' pairwise distance 190 % of the data's
	// collapsed: samples' pairwise distance 1 % of the data's; 100 % of the pairs of samples are near-duplicates
}

func ExampleMemorised() {
	train := sample.Images{Values: []float32{0, 0, 1, 1}, N: 2, Height: 1, Width: 2, Channels: 1}
	heldOut := sample.Images{Values: []float32{0, 1, -1, -1}, N: 2, Height: 1, Width: 2, Channels: 1}
	samples := sample.Images{Values: []float32{1, 0.9}, N: 1, Height: 1, Width: 2, Channels: 1}
	m, err := metric.Memorised(samples, train, heldOut)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("nearest training image:", m.Nearest[0].Train)
	fmt.Println(m)
	// Output:
	// nearest training image: 1
	// 100.0 % of samples are nearer to a training image (by chance 50.0 %), median ratio 0.100, lowest 0.100
}

func ExamplePathLength() {
	constant := func(z []float32) (sample.Images, error) {
		n := len(z) / 2
		return sample.Images{Values: make([]float32, n), N: n, Height: 1, Width: 1, Channels: 1}, nil
	}
	path, err := metric.PathLength(constant, 2, metric.PathOptions{})
	fmt.Println(path.Mean, err)
	// Output: 0 <nil>
}

func ExampleJudgeCritic() {
	health, err := metric.JudgeCritic([]float32{2, 1, -0.5}, []float32{-1, -2, -3}, []float32{-1, 0.5})
	fmt.Println(health, err)
	// Output: critic: real 66.7 %, fake 100.0 % right, separation 1.000, training against held-out 0.833 <nil>
}

func ExampleInputGradient() {
	backend, err := device.Open("")
	if err != nil {
		log.Fatal(err)
	}
	store := model.NewStore()
	critic := func(x *graph.Node) *graph.Node { return net.Dense(store.Scope("/critic"), net.Flatten(x), 1) }
	images := sample.Images{Values: make([]float32, 3*4), N: 3, Height: 2, Width: 2, Channels: 1}
	norms, err := metric.InputGradient(backend, store, critic, images)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(norms), norms[0] == norms[1]) // a linear critic has one gradient everywhere
	// Output: 3 true
}

func ExamplePSNR() {
	image := sample.Images{Values: []float32{0, 0.5, -0.5, 1}, N: 1, Height: 2, Width: 2, Channels: 1}
	noisy := sample.Images{Values: []float32{0.2, 0.3, -0.3, 0.8}, N: 1, Height: 2, Width: 2, Channels: 1}
	decibels, err := metric.PSNR(image, noisy)
	fmt.Printf("%.1f %v\n", decibels[0], err)
	// Output: 20.0 <nil>
}
