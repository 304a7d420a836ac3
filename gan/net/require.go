package net

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// requireImages panics unless x has the shape of images, [batch, height, width, channels].
func requireImages(layer string, x *Node) {
	if x.Rank() != 4 {
		panic(fmt.Errorf("%s needs images [batch, height, width, channels], not %s", layer, x.Shape()))
	}
}

// requireSize panics unless x is images of size×size, as a critic of that Size judges them.
func requireSize(critic string, x *Node, size int) {
	requireImages(critic, x)
	if x.Shape().Dim(1) != size || x.Shape().Dim(2) != size {
		panic(fmt.Errorf("%s of Size %d cannot judge %s: set its Size", critic, size, x.Shape()))
	}
}

// requireLabels panics unless labels are one class per sample of x.
func requireLabels(layer string, x, labels *Node) {
	if labels.Rank() != 1 || !labels.DType().IsInt() || labels.Shape().Dim(0) != x.Shape().Dim(0) {
		panic(fmt.Errorf("%s needs labels [%d] int32, one per sample, not %s", layer, x.Shape().Dim(0), labels.Shape()))
	}
}

// requireEven panics unless x are images of even height and width.
func requireEven(layer string, x *Node) {
	requireImages(layer, x)
	if x.Shape().Dim(1)%2 != 0 || x.Shape().Dim(2)%2 != 0 {
		panic(fmt.Errorf("%s needs an even height and width, not %s", layer, x.Shape()))
	}
}

// requireSequence panics unless x has the shape of sequences as networks see them, [batch, T, 1, features].
func requireSequence(network string, x *Node) {
	if x.Rank() != 4 || x.Shape().Dim(2) != 1 {
		panic(fmt.Errorf("%s needs sequences [batch, T, 1, features], not %s", network, x.Shape()))
	}
}
