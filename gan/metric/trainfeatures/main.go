// Command trainfeatures trains the classifiers that come with gan/metric and writes their weights, in the project's
// folder:
//
//	go run ./gan/metric/trainfeatures mnist          # gan/metric/weights/gantry-mnist-1.safetensors
//	go run ./gan/metric/trainfeatures fashion-mnist  # gan/metric/weights/gantry-fashion-1.safetensors
//
// It prints the share of the test images that are classified correctly. A minute each on two idle cores. The files in the
// repository were made on one core (taskset -c 0), as the order of sums, and so the last bits, depends on their number.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/metric"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: trainfeatures mnist|fashion-mnist")
		os.Exit(2)
	}
	if err := train(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func train(set string) error {
	const passes, seed = 8, 1
	name, training, test := metric.MNIST1, data.MNIST(), data.MNISTTest()
	switch set {
	case "mnist":
	case "fashion-mnist":
		name, training, test = metric.Fashion1, data.FashionMNIST(), data.FashionMNISTTest()
	default:
		return fmt.Errorf("unknown data set %q: use mnist or fashion-mnist", set)
	}
	images, err := training.Load()
	if err != nil {
		return err
	}
	unseen, err := test.Load()
	if err != nil {
		return err
	}
	backend, err := device.Open("")
	if err != nil {
		return err
	}
	defer backend.Finalize()
	classifier, err := metric.TrainClassifier(backend, name, images, passes, seed)
	if err != nil {
		return err
	}
	classes, _, err := classifier.Classes(*unseen)
	if err != nil {
		return err
	}
	right := 0
	for i, class := range classes {
		if class == unseen.Labels[i] {
			right++
		}
	}
	path := filepath.Join("gan", "metric", "weights", name+".safetensors")
	fmt.Printf("%s: %.2f %% of %d test images right, written to %s\n", name, 100*float64(right)/float64(unseen.N),
		unseen.N, path)
	return classifier.Save(path)
}
