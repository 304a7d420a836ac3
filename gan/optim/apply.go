package optim

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// Apply updates variables by their gradients. state is the scope of the optimizer's own variables, setting and what else is
// asked for as for [NewState].
func Apply(o Optimizer, state *model.Scope, setting func(name string) *Node, gradients []*Node, variables []*model.Variable) {
	if len(gradients) == 0 {
		return
	}
	g := gradients[0].Graph()
	s := NewState(state, g, setting, variables)
	changes := inTurn(s.update(o, gradients), s.Values(), gradients)
	s.Commit()
	for i, v := range variables {
		// The change is held constant, so that a later loss is not differentiated through this update. Not the new
		// value itself: GoMLX gives a StopGradient node no gradient, and the next update asks for one there.
		v.SetNodeValue(Sub(v.NodeValue(g), StopGradient(changes[i])))
	}
}

// Minimise updates variables, each by the gradient of objective, a scalar, with respect to it. The optimizer's settings stay
// what they are, and schedules are left out.
func Minimise(o Optimizer, state *model.Scope, objective *Node, variables []*model.Variable) {
	g := objective.Graph()
	Apply(o, state, Constant(g, o), Gradient(objective, ValuesOf(g, variables)...), variables)
}

// ValuesOf are the variables' present values in a graph.
func ValuesOf(g *Graph, variables []*model.Variable) []*Node {
	values := make([]*Node, len(variables))
	for i, v := range variables {
		values[i] = v.NodeValue(g)
	}
	return values
}

// Constant gives an optimizer's settings the values that they start with, as constants of a graph.
func Constant(g *Graph, o Optimizer) func(name string) *Node {
	return func(name string) *Node {
		for _, s := range o.Settings() {
			if s.Name == name {
				return Scalar(g, dtypes.Float32, s.Value)
			}
		}
		return nil
	}
}
