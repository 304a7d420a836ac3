package optim_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
	"gantry.local/gan/optim"
)

// TestChangesInTurn wants variables that change as soon as a gradient has passed their layer to be what they are where nothing is
// changed in place: one that two layers share, one that something else than a product reads, and one whose layer is the last that
// the gradient reaches.
func TestChangesInTurn(t *testing.T) {
	const width, rows, steps = 256, 8, 3
	random := rand.New(rand.NewPCG(1, 1))
	numbers := func(n int, size float64) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(random.NormFloat64() * size)
		}
		return values
	}
	var start [][]float32
	for range 3 {
		start = append(start, numbers(width*width, 1/math.Sqrt(width)))
	}
	input := numbers(rows*width, 1)
	var first [][]float32 // of the first backend
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store := model.NewStore()
		var weights []*model.Variable
		for i, values := range start {
			weights = append(weights, store.RootScope().VariableWithValue([]string{"a", "b", "c"}[i], tensors.FromFlatDataAndDimensions(values, width, width)))
		}
		exec, err := model.NewExec(backend, store, func(_ *model.Scope, x *Node) *Node {
			a, b, c := weights[0].NodeValue(x), weights[1].NodeValue(x), weights[2].NodeValue(x)
			x = Tanh(MatMul(x, a))
			x = Tanh(MatMul(x, b))
			x = Tanh(MatMul(x, b))
			x = Tanh(Mul(MatMul(x, c), ReduceAllMean(Square(MulScalar(c, 16)))))
			objective := ReduceAllMean(Square(x))
			optim.Minimise(optim.Adam{Rate: 1e-2, Beta1: 0.5, Beta2: 0.999, Epsilon: 1e-3}, store.Scope("/optimizer"), objective, weights)
			return objective
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		for range steps {
			if _, err := exec.Call(tensors.FromFlatDataAndDimensions(input, rows, width)); err != nil {
				t.Fatal(err)
			}
		}
		for i, v := range weights {
			values := floats(t, v)
			if len(first) <= i {
				first = append(first, values)
				continue
			}
			worst := 0.0
			for at := range values {
				worst = max(worst, math.Abs(float64(values[at]-first[i][at])))
			}
			if worst > 1e-4 {
				t.Errorf("after %d steps %s differs by %g from what the first backend makes of it", steps, v.Path(), worst)
			}
		}
	})
}
