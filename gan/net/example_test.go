package net_test

import (
	"fmt"
	"log"

	"github.com/gomlx/compute/shapes"
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

// The methods of a pair are its networks; zero fields have the documented defaults.
func ExampleDCGAN() {
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	pair := net.DCGAN{Width: 8, Norm: net.NormSpectral}
	store := model.NewStore()
	logits := model.MustCallOnce(backend, store, func(scope *model.Scope, z *Node) *Node {
		images := pair.Generator(scope.In("generator"), z)
		fmt.Println(images.Shape())
		return pair.Critic(scope.In("critic"), images)
	}, tensors.FromFlatDataAndDimensions(make([]float32, 2*5), 2, 5))
	fmt.Println(logits.Shape())
	// Output:
	// (Float32)[2, 28, 28, 1]
	// (Float32)[2, 1]
}

// A conditional network takes labels too; here the critic's logit depends on the class by a projection.
func ExampleDCGAN_ProjectionCritic() {
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	pair := net.DCGAN{Width: 8}
	images := tensors.FromFlatDataAndDimensions(make([]float32, 2*28*28), 2, 28, 28, 1)
	labels := tensors.FromFlatDataAndDimensions([]int32{3, 9}, 2)
	fmt.Println(model.MustCallOnce(backend, model.NewStore(), pair.ProjectionCritic, images, labels).Shape())
	// Output: (Float32)[2, 1]
}

// A critic made of these layers can be differentiated twice, which a gradient penalty does: here a layer x·W with W = 3,
// whose squared slope 9 changes with W by 6.
func ExampleLinear() {
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	store := model.NewStore()
	x := tensors.FromFlatDataAndDimensions([]float32{5}, 1, 1)
	outputs := model.MustCallOnceN(backend, store, func(scope *model.Scope, x *Node) []*Node {
		three := func(g *Graph, shape shapes.Shape) *Node { return MulScalar(Ones(g, shape), 3) }
		y := net.Linear(scope.WithInitializer(three), x, 1)
		slope := Gradient(ReduceAllSum(y), x)[0]
		penalty := ReduceAllSum(Square(slope))
		return []*Node{penalty, Gradient(penalty, scope.GetVariable("weights").NodeValue(x))[0]}
	}, x)
	fmt.Println(outputs[0].Value(), outputs[1].Value())
	// Output: 9 [[6]]
}

// The pair for points in the plane.
func ExampleToy() {
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	z := tensors.FromFlatDataAndDimensions(make([]float32, 6), 3, 2)
	points := model.MustCallOnce(backend, model.NewStore(), net.Toy{Width: 16}.Generator, z)
	fmt.Println(points.Shape())
	// Output: (Float32)[3, 1, 1, 2]
}

// A restorer maps damaged images to clean ones of the same shape, a super-resolver to larger ones.
func ExampleSuperResolver() {
	backend, err := device.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	small := tensors.FromFlatDataAndDimensions(make([]float32, 14*14), 1, 14, 14, 1)
	fmt.Println(model.MustCallOnce(backend, model.NewStore(), net.SuperResolver, small).Shape())
	// Output: (Float32)[1, 28, 28, 1]
}
