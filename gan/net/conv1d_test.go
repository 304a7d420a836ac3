package net

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// TestConv1D compares with the definition, for windows narrower and wider than the sequence.
func TestConv1D(t *testing.T) {
	const batch, in, out = 2, 3, 2
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, c := range []struct{ steps, size int }{{4, 1}, {4, 3}, {6, 5}, {2, 5}, {1, 3}} {
			x, w, bias := random64(1, batch*c.steps*in), random64(2, c.size*in*out), random64(3, out)
			store := newStore(t)
			for path, value := range map[string][]float64{"/weights": w, "/biases": bias} {
				dims := []int{c.size, in, out}
				if path == "/biases" {
					dims = []int{out}
				}
				if _, err := store.CreateVariable(path, tensor64(value, dims...)); err != nil {
					t.Fatal(err)
				}
			}
			var want []float64
			for b := range batch {
				for step := range c.steps {
					for o := range out {
						sum := bias[o]
						for k := range c.size {
							if at := step + k - c.size/2; at >= 0 && at < c.steps {
								for i := range in {
									sum += x[(b*c.steps+at)*in+i] * w[(k*in+i)*out+o]
								}
							}
						}
						want = append(want, sum)
					}
				}
			}
			got := call(backend, store, true, tensor64(x, batch, c.steps, in),
				func(scope *model.Scope, x *Node) *Node { return Conv1D(scope, x, out, c.size) })
			if dims := got.Shape().Dimensions; !slices.Equal(dims, []int{batch, c.steps, out}) {
				t.Errorf("%+v: shape %v", c, dims)
			}
			requireNear64(t, "Conv1D", got, want)
		}
	})
}
