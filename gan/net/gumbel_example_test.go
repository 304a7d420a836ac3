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

// When a graph does not train, the choice is the likeliest category.
func ExampleGumbelSoftmax() {
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	logits := tensors.FromValue([][]float32{{0.1, 2, -1}, {3, 0, 0}})
	choice := model.MustCallOnce(backend, model.NewStore(), func(scope *model.Scope, logits *Node) *Node {
		return net.GumbelSoftmax(scope, logits, 0.5)
	}, logits)
	fmt.Println(choice.Value())
	// Output: [[0 1 0] [1 0 0]]
}
