package gan

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"gantry.local/gan/net"
)

// Adam is algorithm 1 of Kingma and Ba, "Adam: A method for stochastic optimization", 2014, arXiv:1412.6980, which is
// also PyTorch's:
//
//	m ← β₁m + (1-β₁)g    v ← β₂v + (1-β₂)g²
//	θ ← θ - rate · m/(1-β₁ᵗ) / (sqrt(v/(1-β₂ᵗ)) + ε)
type Adam struct {
	Rate     float64  // default 1e-3
	Beta1    float64  // decay of the mean gradient m; default 0.9. A negative value means 0, no momentum
	Beta2    float64  // decay of the mean squared gradient v; default 0.999
	Epsilon  float64  // ε; default 1e-8
	ClipNorm float64  // scales the network's whole gradient down to this norm where it is longer; default 0, off
	Schedule Schedule // of the rate over the run; default nil, constant
}

func (a Adam) withDefaults() Adam {
	a.Rate, a.Beta1 = orDefault(a.Rate, 1e-3), orDefault(a.Beta1, 0.9)
	a.Beta2, a.Epsilon = orDefault(a.Beta2, 0.999), orDefault(a.Epsilon, 1e-8)
	return a
}

func (a Adam) validate(field string) error {
	inRange := a.Rate >= 0 && !math.IsInf(a.Rate, 0) && a.Beta1 < 1 && a.Beta2 >= 0 && a.Beta2 < 1 && a.Epsilon >= 0 &&
		a.ClipNorm >= 0 && a.Epsilon+a.ClipNorm < math.Inf(1)
	if !inRange { // or not a number
		return fmt.Errorf("%s: Rate %g, Epsilon %g and ClipNorm %g must be positive, Beta1 %g and Beta2 %g below 1",
			field, a.Rate, a.Epsilon, a.ClipNorm, a.Beta1, a.Beta2)
	}
	return nil
}

// String names the optimizer and its constants, as kept in checkpoints.
func (a Adam) String() string {
	text := fmt.Sprintf("adam rate %g beta1 %g beta2 %g epsilon %g", a.Rate, a.Beta1, a.Beta2, a.Epsilon)
	if a.ClipNorm > 0 {
		text += fmt.Sprintf(" clip norm %g", a.ClipNorm)
	}
	if a.Schedule != nil {
		text += " " + a.Schedule.String()
	}
	return text
}

// Minimise updates variables, each by the gradient of objective, a scalar, with respect to it, at the constant Rate.
// state is the scope of the optimizer's own variables: the number of updates so far and, per variable, m and v.
func (a Adam) Minimise(state *model.Scope, objective *Node, variables []*model.Variable) {
	a = a.withDefaults()
	gradients := Gradient(objective, values(objective.Graph(), variables)...)
	a.apply(state, Scalar(objective.Graph(), dtypes.Float32, a.Rate), gradients, variables)
}

// values returns the variables' current values in g.
func values(g *Graph, variables []*model.Variable) []*Node {
	nodes := make([]*Node, len(variables))
	for i, v := range variables {
		nodes[i] = v.NodeValue(g)
	}
	return nodes
}

// apply updates variables by their gradients. rate is a scalar, in the place of a.Rate.
func (a Adam) apply(state *model.Scope, rate *Node, gradients []*Node, variables []*model.Variable) {
	s := a.state(state, rate.Graph(), variables)
	gradients = a.clip(gradients)
	for i, change := range s.advance(after(gradients, rate), gradients) {
		s.means[i].SetNodeValue(s.m[i])
		s.squares[i].SetNodeValue(s.v[i])
		// The change is held constant, so that a later loss is not differentiated through this update. Not the new
		// value itself: GoMLX gives a StopGradient node no gradient, and the next update asks for one there.
		variables[i].SetNodeValue(Sub(variables[i].NodeValue(rate), StopGradient(change)))
	}
	s.updates.SetNodeValue(s.count)
}

// after returns x, in a form that XLA cannot compute before it has all of the gradients. So whatever reads the weights is done
// by the time that they change, and they can change where they lie.
func after(gradients []*Node, x *Node) *Node {
	sum := ScalarZero(x.Graph(), dtypes.Float32)
	for _, gradient := range gradients {
		sum = Add(sum, Square(net.First(gradient)))
	}
	return Where(LessThan(sum, Scalar(x.Graph(), dtypes.Float32, -1)), sum, x) // never sum
}

// clip scales gradients to a norm of at most ClipNorm, over all of them.
func (a Adam) clip(gradients []*Node) []*Node {
	if a.ClipNorm == 0 {
		return gradients
	}
	g := gradients[0].Graph()
	scale := Min(Div(Scalar(g, dtypes.Float32, a.ClipNorm), norm(gradients)), Scalar(g, dtypes.Float32, 1))
	clipped := make([]*Node, len(gradients))
	for i, gradient := range gradients {
		clipped[i] = Mul(gradient, scale)
	}
	return clipped
}

// norm is the Euclidean norm over all nodes. The small ones are put in a row first.
func norm(nodes []*Node) *Node {
	const small = 8192
	sum := ScalarZero(nodes[0].Graph(), dtypes.Float32)
	var row []*Node
	for _, x := range nodes {
		if x.Shape().Size() < small {
			row = append(row, Reshape(x, -1))
		} else {
			sum = Add(sum, sumOfSquares(x))
		}
	}
	if len(row) > 0 {
		sum = Add(sum, sumOfSquares(Concatenate(row, 0)))
	}
	return rootOf(sum)
}

// sumOfSquares adds up the parts of a large x first, element by element: XLA's CPU backend would write down all squares
// before it adds any.
func sumOfSquares(x *Node) *Node {
	const most, large = 32, 8192
	size := x.Shape().Size()
	if size < large {
		return ReduceAllSum(Square(x))
	}
	parts := most
	for size%parts != 0 {
		parts--
	}
	rows := Reshape(x, parts, size/parts)
	sum := Square(Slice(rows, AxisElem(0)))
	for part := 1; part < parts; part++ {
		sum = Add(sum, Square(Slice(rows, AxisElem(part))))
	}
	return ReduceAllSum(sum)
}

// rootOf is the square root with a finite slope at 0, for updates that are differentiated themselves.
func rootOf(x *Node) *Node { return Sqrt(AddScalar(x, 1e-30)) }

// adamState is the optimizer's state within a graph.
type adamState struct {
	Adam
	updates        *model.Variable
	means, squares []*model.Variable
	count          *Node // updates done, int64
	m, v           []*Node
}

// state finds the optimizer's variables for a network's, or creates them as zeros.
func (a Adam) state(scope *model.Scope, g *Graph, variables []*model.Variable) *adamState {
	scope = scope.WithInitializer(initializer.Zero)
	s := &adamState{Adam: a, updates: scope.VariableWithShape("updates", shapes.Make(dtypes.Int64)).SetTrainable(false)}
	s.count = s.updates.NodeValue(g)
	for _, v := range variables {
		slot := scope.At("%s", model.EscapeScopeName(v.Path()[1:]))
		s.means = append(s.means, slot.VariableWithShape("m", v.Shape()).SetTrainable(false))
		s.squares = append(s.squares, slot.VariableWithShape("v", v.Shape()).SetTrainable(false))
	}
	s.m, s.v = values(g, s.means), values(g, s.squares)
	return s
}

// advance takes gradients into the moments and returns what is to be subtracted from each variable. It writes no
// variables.
func (s *adamState) advance(rate *Node, gradients []*Node) []*Node {
	s.count = AddScalar(s.count, 1)
	t := ConvertDType(s.count, dtypes.Float32)
	beta1 := max(s.Beta1, 0)
	// The bias corrections 1-βᵗ, and from them the step size and the scale of sqrt(v).
	correction1 := OneMinus(Exp(MulScalar(t, math.Log(max(beta1, math.SmallestNonzeroFloat32)))))
	correction2 := OneMinus(Exp(MulScalar(t, math.Log(s.Beta2))))
	rate = Div(rate, correction1)
	scale := Inverse(Sqrt(correction2))

	changes := make([]*Node, len(gradients))
	for i, gradient := range gradients {
		s.m[i] = net.Once(Add(MulScalar(s.m[i], beta1), MulScalar(gradient, 1-beta1)), t)
		s.v[i] = net.Once(Add(MulScalar(s.v[i], s.Beta2), MulScalar(Square(gradient), 1-s.Beta2)), t)
		changes[i] = Div(Mul(s.m[i], rate), AddScalar(Mul(rootOf(s.v[i]), scale), s.Epsilon))
	}
	return changes
}
