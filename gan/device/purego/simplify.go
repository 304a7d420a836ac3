package purego

import (
	"slices"

	"github.com/gomlx/compute"
)

// root is the node that holds n's numbers: n itself, or one whose numbers are the same in the same order.
func (n *node) root() *node {
	for n.same != nil {
		n = n.same
	}
	return n
}

// static says whether n depends on no parameter.
func (n *node) static() bool { return n.fixed }

// simplify finds the nodes that only rename others, and returns those that the outputs need, in order, with their inputs
// replaced by their roots.
func simplify(nodes, outputs []*node) []*node {
	for _, n := range nodes {
		n.same = sameAs(n)
	}
	needed := map[*node]bool{}
	var need func(n *node)
	need = func(n *node) {
		if needed[n] {
			return
		}
		needed[n] = true
		for i, in := range n.inputs {
			if i == 0 {
				n.inputs = slices.Clone(n.inputs) // the results of one maker share them
			}
			n.views = append(n.views, in)
			n.inputs[i] = in.root()
			need(n.inputs[i])
		}
	}
	for _, n := range outputs {
		n.root().output = true
		need(n.root())
	}
	var live []*node
	for _, n := range nodes {
		if !needed[n] {
			continue
		}
		n.fixed = n.op != compute.OpTypeParameter && n.op != compute.OpTypeRNGBitGenerator
		for _, in := range n.inputs {
			in.readers++
			n.fixed = n.fixed && in.fixed
		}
		n.fixed = n.fixed || n.constant
		live = append(live, n)
	}
	return turnProducts(live)
}

// turnProducts has products that nothing but a transposition reads written transposed.
func turnProducts(live []*node) []*node {
	gone := map[*node]bool{}
	for _, n := range live {
		if n.op != compute.OpTypeTranspose || n.same != nil {
			continue
		}
		of := n.views[0]
		if p, ok := of.data.(product); ok && of.same == nil && of.readers == 1 && !of.output && p.order == nil && multiplies(of) {
			p.order = n.data.([]int)
			n.call, n.views = call{op: of.op, inputs: of.inputs, data: p}, of.views
			gone[of] = true
		}
	}
	return slices.DeleteFunc(live, func(n *node) bool { return gone[n] })
}

// sameAs returns an input whose numbers are n's own, in the same order, or nil.
func sameAs(n *node) *node {
	if len(n.inputs) == 0 {
		return nil
	}
	in := n.inputs[0]
	switch n.op {
	case compute.OpTypeReshape, compute.OpTypeIdentity:
		return in
	case compute.OpTypeConvertDType:
		if in.shape.DType == n.shape.DType {
			return in
		}
	case compute.OpTypeBroadcastInDim, compute.OpTypeSlice, compute.OpTypePad:
		if in.size == n.size {
			return in
		}
	case compute.OpTypeReduceSum, compute.OpTypeReduceMax, compute.OpTypeReduceMin, compute.OpTypeReduceProduct:
		if in.size == n.size {
			return in
		}
	case compute.OpTypeTranspose:
		var order []int // of the axes that are longer than 1
		for _, axis := range n.data.([]int) {
			if in.shape.Dimensions[axis] > 1 {
				order = append(order, axis)
			}
		}
		if slices.IsSorted(order) {
			return in
		}
	case compute.OpTypeConcatenate:
		if len(n.inputs) == 1 {
			return in
		}
	case compute.OpTypeWhere:
		// A choice that is made already, as in package net's gradients of its own.
		if c := in.root(); c.constant && c.size == 1 {
			chosen := n.inputs[2]
			if c.value[0] != 0 {
				chosen = n.inputs[1]
			}
			if chosen.size == n.size {
				return chosen
			}
		}
	}
	return nil
}
