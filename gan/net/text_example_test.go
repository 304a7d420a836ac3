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

// Texts of 16 characters of an alphabet of 27. Train the pair with loss.Wasserstein and loss.WGANGP(10).
func ExampleText() {
	networks := net.Text{Steps: 16, Vocabulary: 27}
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	z := tensors.FromFlatDataAndDimensions(make([]float32, 5*32), 5, 32)
	store := model.NewStore()
	out := model.MustCallOnceN(backend, store, func(_ *model.Scope, z *Node) []*Node {
		text := networks.Generator(store.Scope("/generator"), z)
		return []*Node{text, networks.Critic(store.Scope("/critic"), text)}
	}, z)
	fmt.Println("texts", out[0].Shape())
	fmt.Println("logits", out[1].Shape())
	// Output:
	// texts (Float32)[5, 16, 1, 27]
	// logits (Float32)[5, 1]
}
