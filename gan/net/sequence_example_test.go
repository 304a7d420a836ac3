package net_test

import (
	"fmt"
	"log"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/device"
	"gantry.local/gan/net"
)

// A pair for series of 32 samples of one channel. Train it with loss.NonSaturating and loss.R1(0.2).
func ExampleSequenceGenerator() {
	generator, critic := net.SequenceGenerator(32, 64, 1), net.SequenceCritic(64)
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	z := tensors.FromFlatDataAndDimensions(make([]float32, 5*16), 5, 16)
	store := model.NewStore()
	out := model.MustCallOnceN(backend, store, func(_ *model.Scope, z *Node) []*Node {
		series := generator(store.Scope("/generator"), z)
		return []*Node{series, critic(store.Scope("/critic"), series)}
	}, z)
	fmt.Println("series", out[0].Shape())
	fmt.Println("logits", out[1].Shape())
	// Output:
	// series (Float32)[5, 32, 1, 1]
	// logits (Float32)[5, 1]
}
