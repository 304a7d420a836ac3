package data

import (
	"fmt"
	"math/rand/v2"

	"gantry.local/gan/sample"
)

// StackedMNIST is the data set with 1000 modes on which mode collapse is counted: each sample is three digits of MNIST
// drawn at random, one in each colour channel, 28×28×3; the label is the number that they spell, 100·red+10·green+blue.
// See Metz et al. (2016, arXiv:1611.02163) and Srivastava et al., VEEGAN (2017, arXiv:1705.07761). n is the number of
// samples, 0 for 60 000; which digits make up sample i is the same for every n.
func StackedMNIST(n int) Set {
	name := "stacked-mnist" + optionText(counted{N: n})
	if n == 0 {
		n = 60_000
	}
	return of(name, stacked{n: n, digits: MNIST()})
}

// stacked makes n samples of digits.
type stacked struct {
	n      int
	digits Set
}

func (s stacked) make(name string) (*sample.Images, error) {
	if err := drawable(name, s.n, 3*28*28, maxPixels); err != nil {
		return nil, err
	}
	digits, err := s.digits.Load()
	if err != nil {
		return nil, err
	}
	return stack(digits, s.n), nil
}

func stack(digits *sample.Images, n int) *sample.Images {
	const channels = 3
	size := digits.Height * digits.Width
	stacked := &sample.Images{Pixels: make([]byte, n*size*channels), Labels: make([]int32, n), N: n, Height: digits.Height,
		Width: digits.Width, Channels: channels}
	rng := rand.New(rand.NewPCG(1000, channels))
	for i := range n {
		sample := stacked.Pixels[i*size*channels:][:size*channels]
		for channel := range channels {
			digit := rng.IntN(digits.N)
			stacked.Labels[i] = 10*stacked.Labels[i] + digits.Labels[digit]
			for p, pixel := range digits.Pixels[digit*size:][:size] {
				sample[p*channels+channel] = pixel
			}
		}
	}
	for class := range 1000 {
		stacked.Names = append(stacked.Names, fmt.Sprintf("%03d", class))
	}
	return stacked
}
