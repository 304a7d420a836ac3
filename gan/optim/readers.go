package optim

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/net"
)

// XLA changes a variable where it lies, without a copy, where it can tell that whatever reads the old value is done by then. It
// is told by changes that cannot be computed before: they are multiplied by a one that is made of what read last.

// large is how many numbers a variable has that waits for its own readers alone. It changes as soon as the gradient has passed its
// layer, while its moments are still in the processor's caches. Smaller ones wait for all gradients, together: each wait of its own costs an
// operation.
const large = 1 << 15

// inTurn returns changes that come after what reads the variables' values.
func inTurn(changes, values, gradients []*Node) []*Node {
	if !net.OnCPU(values[0]) {
		return changes
	}
	all, behindAll := behind(gradients), oneOf(gradients)
	turned := make([]*Node, len(changes))
	for i, change := range changes {
		one := behindAll
		if values[i].Shape().Size() >= large {
			if last, found := readers(values[i], all, behind(gradients[i:i+1])); found {
				one = oneOf(append(last, gradients[i]))
			}
		}
		turned[i] = Mul(change, one)
	}
	return turned
}

// readers are the products by which a gradient goes on through a variable of this value to the layers before: among all nodes that
// gradients are made of, those that its own is not made of. They are not found where anything else reads it there.
func readers(value *Node, all, own map[*Node]bool) (last []*Node, found bool) {
	for n := range all {
		if own[n] || !slices.ContainsFunc(n.Inputs(), func(of *Node) bool { return tracing.Unshaped(of) == value }) {
			continue
		}
		switch n.Type() {
		case NodeTypeDotGeneral:
			last = append(last, n)
		case NodeTypeReshape, NodeTypeConvertDType, NodeTypeTranspose, NodeTypeIdentity, NodeTypeBroadcastInDim: // tracing.Unshaped looks through it
		default:
			return nil, false
		}
	}
	slices.SortFunc(last, func(a, b *Node) int { return int(a.Id() - b.Id()) })
	return last, true
}

// behind are the nodes that others are made of, with these.
func behind(nodes []*Node) map[*Node]bool {
	all := map[*Node]bool{}
	var visit func(n *Node)
	visit = func(n *Node) {
		if all[n] {
			return
		}
		all[n] = true
		for _, operand := range n.Inputs() {
			visit(operand)
		}
	}
	for _, n := range nodes {
		visit(n)
	}
	return all
}

// oneOf is 1, in a form that XLA cannot compute before it has all of these nodes, and computes once: it repeats no division.
func oneOf(nodes []*Node) *Node {
	g := nodes[0].Graph()
	sum := ScalarZero(g, dtypes.Float32)
	for _, n := range nodes {
		sum = Add(sum, Square(ConvertDType(net.First(n), dtypes.Float32)))
	}
	return Inverse(Where(LessThan(sum, Scalar(g, dtypes.Float32, -1)), sum, Scalar(g, dtypes.Float32, 1)))
}
