package optim_test

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
	"gantry.local/gan/optim"
)

// TestUpdatesOfOneStep makes two updates in one graph, as a step with several critic updates does: the second goes on from the
// first, and a later loss is differentiated through neither.
func TestUpdatesOfOneStep(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store := model.NewStore()
		critic, err := store.CreateVariable("/critic", tensors.FromScalar(float32(1)))
		if err != nil {
			t.Fatal(err)
		}
		o := optim.SGD{Rate: 0.1, Momentum: 0.5}
		exec, err := model.NewExec(backend, store, func(_ *model.Scope, inputs []*Node) *Node {
			fake := inputs[0]
			for range 2 { // by ½(θ-fake)², whose gradient depends on fake
				loss := MulScalar(Square(Sub(critic.NodeValue(fake), fake)), 0.5)
				optim.Minimise(o, store.Scope("/optimizer"), loss, []*model.Variable{critic})
			}
			return Gradient(Mul(critic.NodeValue(fake), fake), fake)[0]
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		out, err := exec.Call1(float32(3))
		if err != nil {
			t.Fatal(err)
		}
		θ, m := 1.0, 0.0
		for range 2 {
			m = 0.5*m + θ - 3
			θ -= 0.1 * m
		}
		if got := float64(floats(t, critic)[0]); math.Abs(got-θ) > 1e-6 {
			t.Errorf("after two updates the weight is %g, want %g", got, θ)
		}
		if slope := float64(tensors.ToScalar[float32](out)); math.Abs(slope-θ) > 1e-6 {
			t.Errorf("the later loss has slope %g, want %g: the updates are no part of it", slope, θ)
		}
	})
}

// TestNorm adds up sizes that are cut into parts in different ways.
func TestNorm(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		var inputs []any
		sum := 0.0
		for _, size := range []int{3, 8191, 8192, 8209, 9000, 30_030} { // 8209 is a prime
			values := make([]float32, size)
			for i := range values {
				values[i] = float32(math.Sin(float64(i*size + 1)))
				sum += float64(values[i]) * float64(values[i])
			}
			inputs = append(inputs, values)
		}
		exec := MustNewExec(backend, func(inputs []*Node) *Node { return optim.Norm(inputs) })
		defer exec.Finalize()
		out, err := exec.Call1(inputs...)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := float64(tensors.ToScalar[float32](out)), math.Sqrt(sum); math.Abs(got-want) > 1e-5*want {
			t.Errorf("the norm is %g, want %g", got, want)
		}
	})
}
