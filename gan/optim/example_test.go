package optim_test

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/device"
	"gantry.local/gan/optim"
	"gantry.local/gan/setting"
)

// Adagrad is an optimizer that is not of package optim (Duchi et al., "Adaptive subgradient methods for online learning and
// stochastic optimization", 2011):
//
//	v ← v + g²    θ ← θ - rate · g / (sqrt(v) + ε)
type Adagrad struct{ Rate float64 }

// Update implements optim.Optimizer.
func (a Adagrad) Update(s *optim.State, gradients []*Node) []*Node {
	rate, sums := s.Setting("rate"), s.Slots("v")
	changes := make([]*Node, len(gradients))
	for i, g := range gradients {
		sums[i] = Add(sums[i], Square(g))
		changes[i] = Div(Mul(g, rate), AddScalar(Sqrt(sums[i]), 1e-10))
	}
	s.SetSlots("v", sums)
	return changes
}

// Settings implements optim.Optimizer.
func (a Adagrad) Settings() []setting.Setting {
	return []setting.Setting{setting.NonNegative("rate", a.Rate)}
}

// Check implements optim.Optimizer.
func (a Adagrad) Check() error { return a.Settings()[0].Allows(a.Rate) }

// String implements optim.Optimizer.
func (a Adagrad) String() string { return fmt.Sprintf("adagrad rate %g", a.Rate) }

// An optimizer of one's own goes wherever those of this package do. Here it goes down a parabola, ½(θ-3)², in a chain.
func Example_ofOnesOwn() {
	backend, err := device.Open("go")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Finalize()
	store := model.NewStore()
	θ, err := store.CreateVariable("/theta", tensors.FromScalar(float32(0)))
	if err != nil {
		fmt.Println(err)
		return
	}
	optimizer := optim.Chain(optim.ClipNorm(1), Adagrad{Rate: 1})
	step, err := model.NewExec(backend, store, func(_ *model.Scope, g *Graph) *Node {
		loss := MulScalar(Square(AddScalar(θ.NodeValue(g), -3)), 0.5)
		optim.Minimise(optimizer, store.Scope("/optimizer"), loss, []*model.Variable{θ})
		return loss
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer step.Finalize()
	for range 3 {
		loss, err := step.Call1()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("loss %.3f\n", tensors.ToScalar[float32](loss))
	}
	fmt.Println(optimizer)
	// Output:
	// loss 4.500
	// loss 2.000
	// loss 0.836
	// adagrad rate 1 clip norm 1
}

func ExampleChain() {
	adam := optim.NewAdam(2e-4, 0.5, 0.999)
	falling := optim.Scheduled{Of: optim.Chain(optim.ClipNorm(1), adam), Schedule: optim.Cosine{Steps: 1000}}
	if err := falling.Check(); err != nil {
		fmt.Println(err)
	}
	for _, s := range falling.Settings() {
		fmt.Printf("%s: %g at first, %.2g after 500 steps\n", s.Name, s.Value, s.At(s.Value, 500))
	}
	fmt.Println(falling)
	// Output:
	// clip-norm: 1 at first, 1 after 500 steps
	// rate: 0.0002 at first, 0.0001 after 500 steps
	// adam rate 0.0002 beta1 0.5 beta2 0.999 epsilon 1e-08 clip norm 1 cosine over 1000 final 0
}

// Fields mean what they say. What was forgotten is told from what was meant where it can be.
func ExampleAdam_Check() {
	fmt.Println(optim.NewAdam(1e-3, 0, 0.9).Check())
	fmt.Println(optim.Adam{Rate: 1e-3}.Check())
	// Output:
	// <nil>
	// adam: Epsilon and Beta2 are both 0, which leaves the gradients' signs: make it with NewAdam
}
