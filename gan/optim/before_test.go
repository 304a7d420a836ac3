package optim_test

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/optim"
)

// TestAdamIsTheOneBefore trains by gan.Adam, which this package takes the place of, and by Adam, and wants the same weights and
// the same state at the same paths, to the bit.
func TestAdamIsTheOneBefore(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, c := range []struct {
			before gan.Adam
			now    optim.Optimizer
		}{
			{gan.Adam{Rate: 2e-3, Beta1: 0.5, Beta2: 0.999, Epsilon: 1e-8}, optim.NewAdam(2e-3, 0.5, 0.999)},
			{gan.Adam{Rate: 2e-3, Beta1: -1, Beta2: 0.9, Epsilon: 1e-7}, optim.Adam{Rate: 2e-3, Beta2: 0.9, Epsilon: 1e-7}},
			{gan.Adam{Rate: 1e-3, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-8, ClipNorm: 0.3},
				optim.Chain(optim.ClipNorm(0.3), optim.NewAdam(1e-3, 0.9, 0.99))},
		} {
			before := weighed(t, backend, func(state *model.Scope, objective *Node, variables []*model.Variable) {
				c.before.Minimise(state, objective, variables)
			})
			now := weighed(t, backend, func(state *model.Scope, objective *Node, variables []*model.Variable) {
				optim.Minimise(c.now, state, objective, variables)
			})
			if len(before) != len(now) || len(now) < 4*3+1 {
				t.Fatalf("%v keeps %d variables, gan.Adam %d", c.now, len(now), len(before))
			}
			for path, values := range before {
				if !slices.Equal(now[path], values) {
					t.Errorf("%v: %s is not what gan.Adam makes it", c.now, path)
				}
			}
			if c.before.Beta1 > 0 && c.before.String() != c.now.String() {
				t.Errorf("checkpoints know it as %q, and it is now %q", c.before, c.now)
			}
		}
	})
}
