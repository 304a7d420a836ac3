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

// A critic of one's own is a function of layers, each in a scope that names its weights.
func Example() {
	critic := func(scope *model.Scope, x *Node) *Node {
		x = net.MaxPool2(net.LeakyReLU(net.Conv2D(scope.In("conv"), x, 16, 3), 0.2))
		return net.Dense(scope.In("logit"), net.Flatten(x), 1)
	}
	backend, err := device.Open("")
	if err != nil {
		log.Fatal(err)
	}
	store := model.NewStore()
	images := tensors.FromFlatDataAndDimensions(make([]float32, 5*28*28), 5, 28, 28, 1)
	logits := model.MustCallOnce(backend, store, critic, images)
	fmt.Println(logits.Shape())
	for v := range store.IterVariables() {
		if v.Trainable {
			fmt.Println(v.Path(), v.Shape())
		}
	}
	// Output:
	// (Float32)[5, 1]
	// /conv/weights (Float32)[3, 3, 1, 16]
	// /conv/biases (Float32)[16]
	// /logit/weights (Float32)[2704, 1]
	// /logit/biases (Float32)[1]
}
