package gan

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Adam is algorithm 1 of Kingma and Ba, "Adam: A method for stochastic optimization", 2014, arXiv:1412.6980, which is
// also PyTorch's:
//
//	m ← β₁m + (1-β₁)g    v ← β₂v + (1-β₂)g²
//	θ ← θ - rate · m/(1-β₁ᵗ) / (sqrt(v/(1-β₂ᵗ)) + ε)
type Adam struct {
	Rate    float64 // default 1e-3
	Beta1   float64 // decay of the mean gradient m; default 0.9. A negative value means 0, no momentum
	Beta2   float64 // decay of the mean squared gradient v; default 0.999
	Epsilon float64 // ε; default 1e-8
}

func (a Adam) withDefaults() Adam {
	a.Rate, a.Beta1 = orDefault(a.Rate, 1e-3), orDefault(a.Beta1, 0.9)
	a.Beta2, a.Epsilon = orDefault(a.Beta2, 0.999), orDefault(a.Epsilon, 1e-8)
	return a
}

func (a Adam) validate(field string) error {
	inRange := a.Rate >= 0 && !math.IsInf(a.Rate, 0) && a.Beta1 < 1 && a.Beta2 >= 0 && a.Beta2 < 1 && a.Epsilon >= 0
	if !inRange { // or not a number
		return fmt.Errorf("%s: Rate %g and Epsilon %g must be positive, Beta1 %g and Beta2 %g below 1",
			field, a.Rate, a.Epsilon, a.Beta1, a.Beta2)
	}
	return nil
}

// String names the optimizer and its constants, as kept in checkpoints.
func (a Adam) String() string {
	return fmt.Sprintf("adam rate %g beta1 %g beta2 %g epsilon %g", a.Rate, a.Beta1, a.Beta2, a.Epsilon)
}

// minimise updates variables, each by the gradient of objective with respect to it. state is the scope of the
// optimizer's own variables: the number of updates so far and, per variable, m and v.
func (a Adam) minimise(state *model.Scope, objective *Node, variables []*model.Variable) {
	g := objective.Graph()
	values := make([]*Node, len(variables))
	for i, v := range variables {
		values[i] = v.NodeValue(g)
	}
	gradients := Gradient(objective, values...)

	state = state.WithInitializer(initializer.Zero)
	updates := state.VariableWithShape("updates", shapes.Make(dtypes.Int64)).SetTrainable(false)
	count := AddScalar(updates.NodeValue(g), 1)
	updates.SetNodeValue(count)

	t := ConvertDType(count, dtypes.Float32)
	beta1 := max(a.Beta1, 0)
	// The bias corrections 1-βᵗ, and from them the step size and the scale of sqrt(v).
	correction1 := OneMinus(Exp(MulScalar(t, math.Log(max(beta1, math.SmallestNonzeroFloat32)))))
	correction2 := OneMinus(Exp(MulScalar(t, math.Log(a.Beta2))))
	rate := Div(Scalar(g, dtypes.Float32, a.Rate), correction1)
	scale := Inverse(Sqrt(correction2))

	for i, v := range variables {
		slot := state.At("%s", model.EscapeScopeName(v.Path()[1:]))
		mVar := slot.VariableWithShape("m", v.Shape()).SetTrainable(false)
		vVar := slot.VariableWithShape("v", v.Shape()).SetTrainable(false)
		mean := Add(MulScalar(mVar.NodeValue(g), beta1), MulScalar(gradients[i], 1-beta1))
		square := Add(MulScalar(vVar.NodeValue(g), a.Beta2), MulScalar(Square(gradients[i]), 1-a.Beta2))
		mVar.SetNodeValue(mean)
		vVar.SetNodeValue(square)
		change := Div(Mul(mean, rate), AddScalar(Mul(Sqrt(square), scale), a.Epsilon))
		// The change is held constant, so that a later loss is not differentiated through this update. Not the new
		// value itself: GoMLX gives a StopGradient node no gradient, and the next update asks for one there.
		v.SetNodeValue(Sub(values[i], StopGradient(change)))
	}
}
