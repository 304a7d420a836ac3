package tracing

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// FromInput calls do for each node on the way from input to output, operands first. depends holds the nodes found so far
// that depend on the input.
func FromInput(output, input *Node, do func(n *Node, depends map[*Node]bool)) {
	FromInputs(output, []*Node{input}, do)
}

// FromInputs is FromInput for several inputs, none of which is looked behind.
func FromInputs(output *Node, inputs []*Node, do func(n *Node, depends map[*Node]bool)) {
	depends, known := map[*Node]bool{}, map[*Node]bool{}
	for _, input := range inputs {
		depends[input], known[input] = true, true
	}
	var visit func(n *Node) bool
	visit = func(n *Node) bool {
		if known[n] {
			return depends[n]
		}
		known[n] = true
		for _, operand := range n.Inputs() {
			if visit(operand) {
				depends[n] = true
			}
		}
		if depends[n] {
			do(n, depends)
		}
		return depends[n]
	}
	visit(output)
}

// DependsOn tells whether output is computed from input.
func DependsOn(output, input *Node) bool {
	found := output == input
	FromInput(output, input, func(n *Node, _ map[*Node]bool) { found = found || n == output })
	return found
}

// Unshaped follows a node back through what only changes its shape or type.
func Unshaped(n *Node) *Node {
	for {
		switch n.Type() {
		case NodeTypeReshape, NodeTypeConvertDType, NodeTypeTranspose, NodeTypeIdentity, NodeTypeBroadcastInDim:
			n = n.Inputs()[0]
		default:
			return n
		}
	}
}
