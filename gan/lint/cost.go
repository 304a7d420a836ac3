package lint

import (
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Cost is what one run of a graph takes at least, as counted by CostOf.
type Cost struct {
	// Products are the floating-point operations of matrix products and convolutions, two for each pair that is multiplied and
	// added. A batch of 16 products of tiles is Winograd's F(2×2, 3×3) and counts as the direct convolution that it stands
	// for, 36 products where it makes 16.
	Products float64 `json:"products"`

	// Elementwise are the operations of everything else, one for each number that it makes, or that it sums.
	Elementwise float64 `json:"elementwise"`

	// Kept are the bytes of weights and optimizer state, read and written, which no step can do without.
	Kept float64 `json:"kept"`

	// Bytes are those of the operands and results of products and sums, each read or written once, which caches may hold. What
	// is elementwise between them is taken to be fused and free.
	Bytes float64 `json:"bytes"`

	// Loose are the bytes that elementwise operations read and write in addition where each were a loop of its own.
	Loose float64 `json:"loose"`

	Nodes int `json:"nodes"` // operations
}

// CostOf counts what the graph's results depend on: its last node, and those that nobody reads that have the shape of a
// parameter, as new weights have.
func CostOf(g *Graph) (c Cost) {
	needed, read := neededIn(g)
	for _, n := range g.Nodes() {
		if needed[n] {
			c.add(n, !read[n])
		}
	}
	return c
}

// neededIn finds the nodes that the graph's results depend on, and those that another reads.
func neededIn(g *Graph) (needed, read map[*Node]bool) {
	nodes := g.Nodes()
	read = map[*Node]bool{}
	kept := map[string]bool{} // shapes of what lasts from step to step
	for _, n := range nodes {
		for _, in := range n.Inputs() {
			read[in] = true
		}
		if n.Type() == NodeTypeParameter {
			kept[n.Shape().String()] = true
		}
	}
	// Which nodes are the graph's results is not told. They are the last node, the report, and those that nobody reads that have the
	// shape of something kept: the new weights. Any other that nobody reads is dropped by the compiler.
	needed = map[*Node]bool{}
	var need func(n *Node)
	need = func(n *Node) {
		if n == nil || needed[n] {
			return
		}
		needed[n] = true
		for _, in := range n.Inputs() {
			need(in)
		}
	}
	for i, n := range nodes {
		if n != nil && (i == len(nodes)-1 || !read[n] && kept[n.Shape().String()]) {
			need(n)
		}
	}
	return needed, read
}

// add counts a node. last says that it is a result.
func (c *Cost) add(n *Node, last bool) {
	if n.NumOutputs() != 1 {
		return
	}
	c.Nodes++
	size := float64(n.Shape().Size())
	bytes := float64(n.Shape().ByteSize())
	in := 0.0
	for _, of := range n.Inputs() {
		if of.NumOutputs() == 1 {
			in += float64(of.Shape().ByteSize())
		}
	}
	switch kind := n.Type(); {
	case kind == NodeTypeDotGeneral || kind == NodeTypeConvGeneral:
		c.Products += 2 * multiplications(n)
		c.Bytes += in + bytes
	case slices.Contains([]NodeType{NodeTypeReduceSum, NodeTypeReduceMax, NodeTypeReduceMin}, kind):
		c.Elementwise += float64(n.Inputs()[0].Shape().Size())
		c.Bytes += in + bytes
	case kind == NodeTypeParameter:
		if in := n.Shape(); in.Size() < 1<<22 { // of the data set only rows are read
			c.Kept += bytes
		}
	case kind == NodeTypeConstant || kind == NodeTypeReshape || kind == NodeTypeBroadcastInDim || kind == NodeTypeIdentity:
	default:
		c.Elementwise += size
		c.Loose += in + bytes
		if last {
			c.Kept += bytes
		}
	}
}

// multiplications counts those of a product or a convolution, padding included. The last axis of a convolution's result
// is its output channels, as everywhere in package net.
func multiplications(n *Node) float64 {
	left, right, out := n.Inputs()[0].Shape(), n.Inputs()[1].Shape(), n.Shape()
	if n.Type() == NodeTypeConvGeneral {
		return float64(out.Size()) * float64(right.Size()) / float64(out.Dim(-1))
	}
	// Batch axes come first in the result; each axis is one of both, is contracted or is one operand's own.
	shared := left.Rank() + right.Rank() - out.Rank() // batch axes, and twice those contracted
	batch := 1.0
	if shared%2 == 1 {
		batch = float64(out.Dim(0))
	}
	contracted := math.Sqrt(float64(left.Size()) * float64(right.Size()) / (float64(out.Size()) * batch))
	made := float64(out.Size()) * contracted
	if batch == 16 && out.Rank() == 3 {
		made *= 36.0 / 16
	}
	return made
}
