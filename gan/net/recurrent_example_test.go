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

// A recurrent layer of one's own network returns the state after every step.
func ExampleGRU() {
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	last := func(scope *model.Scope, x *Node) *Node {
		states := net.GRU(scope.In("gru"), x, 8)
		return Squeeze(Slice(states, AxisRange(), AxisElem(-1)), 1)
	}
	x := tensors.FromFlatDataAndDimensions(make([]float32, 2*6*3), 2, 6, 3)
	fmt.Println(model.MustCallOnce(backend, model.NewStore(), last, x).Shape())
	// Output: (Float32)[2, 8]
}
