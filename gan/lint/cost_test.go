package lint_test

import (
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"gantry.local/gan/gantest"
	"gantry.local/gan/lint"
)

// TestCostOf counts graphs whose costs are known.
func TestCostOf(t *testing.T) {
	g := graph.NewGraph(gantest.Go(t), "count")
	defer g.Finalize()
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 32, 100))
	w := graph.Parameter(g, "w", shapes.Make(dtypes.Float32, 100, 8))
	graph.Dot(x, w).Product() // nobody reads it, and it is no weight
	graph.Add(w, w)           // a new weight
	graph.ReduceAllSum(graph.Neg(graph.MatMul(x, w)))
	c := lint.CostOf(g)
	const floats = 4
	if c.Products != 2*32*100*8 || c.Elementwise != 100*8+32*8+32*8 || c.Bytes != floats*(32*100+100*8+32*8+32*8+1) || c.Kept != floats*(32*100+2*100*8) {
		t.Errorf("counted %+v", c)
	}

	winograd := graph.NewGraph(gantest.Go(t), "tiles")
	defer winograd.Finalize()
	tiles := graph.Parameter(winograd, "tiles", shapes.Make(dtypes.Float32, 16, 50, 64))
	kernel := graph.Parameter(winograd, "kernel", shapes.Make(dtypes.Float32, 16, 64, 128))
	graph.DotGeneral(tiles, []int{2}, []int{0}, kernel, []int{1}, []int{0})
	if c := lint.CostOf(winograd); c.Products != 2*36*50*64*128 {
		t.Errorf("16 products of tiles count as %g", c.Products)
	}
}
