package optim

import (
	"cmp"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/net"
	"gantry.local/gan/setting"
)

// Adam is algorithm 1 of Kingma and Ba, "Adam: A method for stochastic optimization", 2014, arXiv:1412.6980, which is
// also PyTorch's:
//
//	m ← β₁m + (1-β₁)g    v ← β₂v + (1-β₂)g²
//	θ ← θ - rate · m/(1-β₁ᵗ) / (sqrt(v/(1-β₂ᵗ)) + ε)
type Adam struct {
	Rate    float64 // a setting; at least 0, usually 1e-4 to 1e-3
	Beta1   float64 // decay of the mean gradient m, in [0, 1); 0 is no momentum
	Beta2   float64 // decay of the mean squared gradient v, in [0, 1)
	Epsilon float64 // ε, at least 0
}

// NewAdam returns Adam with the paper's ε, 1e-8. The paper's β₁ and β₂ are 0.9 and 0.999; GANs are usually trained with a β₁ of
// 0.5 (Radford et al., 2015, arXiv:1511.06434) or 0.
func NewAdam(rate, beta1, beta2 float64) Adam {
	return Adam{Rate: rate, Beta1: beta1, Beta2: beta2, Epsilon: 1e-8}
}

// Update implements Optimizer.
func (a Adam) Update(s *State, gradients []*Node) []*Node {
	t := ConvertDType(s.Next("updates"), dtypes.Float32)
	// The bias corrections 1-βᵗ, and from them the step size and the scale of sqrt(v).
	correction1 := OneMinus(Exp(MulScalar(t, math.Log(max(a.Beta1, math.SmallestNonzeroFloat32)))))
	correction2 := OneMinus(Exp(MulScalar(t, math.Log(a.Beta2))))
	rate := Div(s.Setting(SettingRate), correction1)
	scale := Inverse(Sqrt(correction2))

	means, squares := s.Slots("m"), s.Slots("v")
	changes := make([]*Node, len(gradients))
	for i, gradient := range gradients {
		means[i] = net.Once(Add(MulScalar(means[i], a.Beta1), MulScalar(gradient, 1-a.Beta1)), t)
		squares[i] = net.Once(Add(MulScalar(squares[i], a.Beta2), MulScalar(Square(gradient), 1-a.Beta2)), t)
		changes[i] = Div(Mul(means[i], rate), AddScalar(Mul(rootOf(squares[i]), scale), a.Epsilon))
	}
	s.SetSlots("m", means)
	s.SetSlots("v", squares)
	return changes
}

// Settings implements Optimizer.
func (a Adam) Settings() []setting.Setting {
	return []setting.Setting{setting.NonNegative(SettingRate, a.Rate)}
}

// Check implements Optimizer.
func (a Adam) Check() error { return a.check("adam", "NewAdam") }

func (a Adam) check(name, with string) error {
	return cmp.Or(checkSettings(name, a.Settings()), checkDecay(name, "Beta1", a.Beta1), checkDecay(name, "Beta2", a.Beta2),
		checkEpsilon(name, with, a.Epsilon, "Beta2", a.Beta2))
}

// String implements Optimizer.
func (a Adam) String() string {
	return fmt.Sprintf("adam rate %g beta1 %g beta2 %g epsilon %g", a.Rate, a.Beta1, a.Beta2, a.Epsilon)
}
