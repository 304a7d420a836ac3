package optim_test

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
	"gantry.local/gan/optim"
)

// TestGame plays min over x, max over y of xy from (1, 1), both moving at once. Plain descent circles outwards there; what is
// made for games comes to the equilibrium, (0, 0).
func TestGame(t *testing.T) {
	backend := gantest.Go(t)
	sgd := optim.SGD{Rate: 0.1}
	for _, c := range []struct {
		of      optim.Optimizer
		atLeast float64 // distance from the equilibrium after 500 updates
		atMost  float64
	}{
		{sgd, 5, math.Inf(1)}, // √2 · 1.01^250 = 17
		{optim.Optimistic{Of: sgd}, 0, 0.15},
		{optim.Lookahead{Of: sgd, Steps: 10, Share: 0.5}, 0, 0.01},
	} {
		store := model.NewStore()
		var players []*model.Variable
		for _, name := range []string{"/x", "/y"} {
			player, err := store.CreateVariable(name, tensors.FromScalar(float32(1)))
			if err != nil {
				t.Fatal(err)
			}
			players = append(players, player)
		}
		exec, err := model.NewExec(backend, store, func(_ *model.Scope, g *Graph) *Node {
			x, y := players[0].NodeValue(g), players[1].NodeValue(g)
			optim.Apply(c.of, store.Scope("/optimizer"), optim.Constant(g, c.of), []*Node{y, Neg(x)}, players)
			return Sqrt(Add(Square(x), Square(y)))
		})
		if err != nil {
			t.Fatal(err)
		}
		var distance float64
		for range 501 {
			out, err := exec.Call1()
			if err != nil {
				t.Fatal(err)
			}
			distance = float64(tensors.ToScalar[float32](out))
		}
		exec.Finalize()
		if !(distance >= c.atLeast && distance <= c.atMost) {
			t.Errorf("%v: after 500 updates the distance is %g, want from %g to %g", c.of, distance, c.atLeast, c.atMost)
		}
	}
}

func TestInertia(t *testing.T) {
	adam := optim.NewAdam(1e-3, 0.9, 0.999)
	for _, c := range []struct {
		of   optim.Optimizer
		want float64
	}{
		{optim.NewRMSProp(1e-3), 0}, {optim.ClipNorm(1), 0}, {optim.SGD{Rate: 1}, 0}, {optim.SGD{Rate: 1, Momentum: 0.4}, 0.4}, {optim.SGD{Rate: 1, Momentum: -0.4}, 0},
		{optim.NewAdamW(1e-3, 0.9, 0.999, 0.1), 0.9}, {optim.NewLion(1e-3), 0.9}, {optim.NewOptimisticAdam(1e-3, 0.9, 0.999), 0.9},
		{optim.Chain(optim.ClipNorm(1), adam, optim.WeightDecay(1)), 0.9},
		{optim.Lookahead{Of: optim.Scheduled{Of: adam, Schedule: optim.Cosine{Steps: 1}}, Steps: 1}, 0.9},
		{unwell{}, 0}, {optim.Chain(nil, adam), 0.9},
	} {
		if got := optim.Inertia(c.of); got != c.want {
			t.Errorf("%v has inertia %g, want %g", c.of, got, c.want)
		}
	}
}
