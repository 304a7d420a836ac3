package net

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// AveragePool2 is the mean of each 2×2 window, stride 2. x: [batch, height, width, channels], height and width even;
// the result: [batch, height/2, width/2, channels].
func AveragePool2(x *Node) *Node {
	requireEven("AveragePool2", x)
	s := x.Shape()
	return ReduceMean(Reshape(x, s.Dim(0), s.Dim(1)/2, 2, s.Dim(2)/2, 2, s.Dim(3)), 2, 4)
}

// Upsample2 repeats each pixel in 2×2 (nearest neighbour). x: [batch, height, width, channels]; the result:
// [batch, 2·height, 2·width, channels].
func Upsample2(x *Node) *Node {
	requireImages("Upsample2", x)
	s := x.Shape()
	batch, height, width, channels := s.Dim(0), s.Dim(1), s.Dim(2), s.Dim(3)
	x = BroadcastToDims(Reshape(x, batch, height, 1, width, 1, channels), batch, height, 2, width, 2, channels)
	return Reshape(x, batch, 2*height, 2*width, channels)
}

// GlobalSum is the sum over the image, [batch, channels], as projection critics end (Miyato and Koyama, 2018,
// arXiv:1802.05637). x: [batch, height, width, channels].
func GlobalSum(x *Node) *Node {
	requireImages("GlobalSum", x)
	return ReduceSum(x, 1, 2)
}
