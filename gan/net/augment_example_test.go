package net_test

import (
	"fmt"
	"log"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/device"
	"gantry.local/gan/net"
)

// half draws 0.5 always; a run draws from its own random state.
type half struct{ g *Graph }

func (h half) Uniform(shape shapes.Shape) *Node { return AddScalar(Zeros(h.g, shape), 0.5) }
func (h half) Normal(shape shapes.Shape) *Node  { return Zeros(h.g, shape) }

// Digits must not be mirrored, but they may move. At strength 0.4 four images of ten would be shifted by up to a quarter
// of their size; of draws of 0.5 none is.
func ExampleDiffAugment() {
	augment := net.DiffAugment{Translation: 0.25}
	fmt.Println(augment)
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	image := tensors.FromFlatDataAndDimensions([]float32{-1, 1, 0.5, -1}, 1, 2, 2, 1)
	moved := MustNewExec(backend, func(images *Node) *Node {
		strength := Scalar(images.Graph(), images.DType(), 0.4)
		return augment.Apply(images, strength, half{images.Graph()})
	}).MustCall1(image)
	fmt.Println(tensors.MustCopyFlatData[float32](moved))
	// Output:
	// diffaugment translation 0.25
	// [-1 1 0.5 -1]
}

// Every four batches of 64 images, the strength follows the mean sign of the critic's logits of real images.
func ExampleAdaptive() {
	adaptive, strength := net.Adaptive{Speed: 10_000}, 0.0
	for _, meanSign := range []float64{0.4, 0.8, 0.9, 0.9, 0.5} {
		strength = adaptive.Next(strength, meanSign, 4*64)
		fmt.Printf("%.4f ", strength)
	}
	// Output: 0.0000 0.0256 0.0512 0.0768 0.0512
}
