package speed

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/lint"
)

// costOf counts the graph of a workload's step. It is traced on the given backend.
func (w Workload) costOf(backend compute.Backend) (c lint.Cost, err error) {
	exp := w.experiment()
	var g *graph.Graph
	if w.draw > 0 {
		return c, nil
	}
	generator := exp.Generator
	exp.Generator = func(scope *model.Scope, z *graph.Node) *graph.Node {
		if g == nil { // the first graph is the step's
			g = z.Graph()
		}
		return generator(scope, z)
	}
	if _, err := gan.NewTrainer(backend, exp); err != nil {
		return c, err
	}
	return lint.CostOf(g), nil
}
