// Command trainfeatures trains the classifiers that come with gan/metric and writes their weights, in the project's
// folder:
//
//	go run ./gan/metric/trainfeatures mnist          # gan/metric/weights/gantry-mnist-1.safetensors
//	go run ./gan/metric/trainfeatures fashion-mnist  # gan/metric/weights/gantry-fashion-1.safetensors
//
// or one of one's own by another seed, which `gantry bench` and `gantry measure` take by --judge:
//
//	go run ./gan/metric/trainfeatures mnist 2 judge.safetensors
//
// It prints the share of the test images that are classified correctly. A minute each on two idle cores. The files in the
// repository were made on one core (taskset -c 0), as the order of sums, and so the last bits, depends on their number.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/metric"
)

func main() {
	seed, file := int64(1), ""
	switch len(os.Args) {
	case 2:
	case 4:
		var err error
		if seed, err = strconv.ParseInt(os.Args[2], 10, 64); err != nil {
			fmt.Fprintf(os.Stderr, "the seed %q is no whole number\n", os.Args[2])
			os.Exit(2)
		}
		file = os.Args[3]
	default:
		fmt.Fprintln(os.Stderr, "usage: trainfeatures mnist|fashion-mnist [SEED FILE]")
		os.Exit(2)
	}
	if err := train(os.Args[1], seed, file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// train trains and writes a classifier, into the repository where no file is named.
func train(set string, seed int64, file string) error {
	const passes = 8
	name, training, test := metric.MNIST1, data.MNIST(), data.MNISTTest()
	switch set {
	case "mnist":
	case "fashion-mnist":
		name, training, test = metric.Fashion1, data.FashionMNIST(), data.FashionMNISTTest()
	default:
		return fmt.Errorf("unknown data set %q: use mnist or fashion-mnist", set)
	}
	if file == "" {
		file = filepath.Join("gan", "metric", "weights", name+".safetensors")
	} else {
		name = strings.TrimSuffix(filepath.Base(file), ".safetensors")
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
	fmt.Printf("%s: %.2f %% of %d test images right, written to %s\n", name, 100*float64(right)/float64(unseen.N),
		unseen.N, file)
	return classifier.Save(file)
}
