package net

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// MinibatchStdDev shows a critic how much samples differ: it appends one feature, the standard deviation over a group of
// samples, averaged over all features and pixels. A generator that makes one image gives itself away. Groups are of
// size samples, which divides the batch; 0 means 4, or the whole batch where 4 does not divide it.
// x: [batch, features] or [batch, height, width, channels]; the result has one feature more.
//
// Karras et al., "Progressive growing of GANs", 2018, arXiv:1710.10196.
func MinibatchStdDev(x *Node, size int) *Node {
	batch := x.Shape().Dim(0)
	switch {
	case size == 0 && batch%4 == 0:
		size = 4
	case size == 0:
		size = batch
	case size < 0 || batch%size != 0:
		panic(fmt.Errorf("MinibatchStdDev: groups of %d samples do not divide a batch of %d", size, batch))
	}
	groups := batch / size
	samples := Reshape(ConvertDType(x, masterDType(x)), size, groups, x.Shape().Size()/batch)
	variance := ReduceMean(Square(Sub(samples, ReduceAndKeep(samples, ReduceMean, 0))), 0)
	deviation := ReduceMean(Sqrt(AddScalar(variance, 1e-8)), 1) // [groups]
	perSample := BroadcastToDims(Reshape(deviation, 1, groups), size, groups)
	return ConcatVector(x, Reshape(perSample, batch, 1))
}
