package lint

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/sample"
)

// Summary is what an experiment consists of: its networks layer by layer, what a step of it costs, the settings that
// differ from the default, and what the linter found. It prints as a table does, in text and in HTML.
type Summary struct {
	Name      string
	Data      string           // in a few words, as DataShape.String
	Networks  []NetworkSummary // the generator, then the critic
	BatchSize int
	Step      StepSummary
	Settings  []Setting // that differ from the default, by name
	Findings  Findings  // see Check
}

// StepSummary is what one step costs. It is counted in the graph of the step, which is not compiled for that.
type StepSummary struct {
	Cost Cost

	State   int  // bytes of weights, averages and optimizer state, which stay on the device
	Data    int  // bytes of the data set there
	Between int  // bytes of intermediate results that exist at a time, at most: a compiler that joins operations needs fewer
	Private bool // the step is private: its critic's update looks at images one by one, and is not counted
}

// Setting is a setting of an experiment that differs from the default.
type Setting struct {
	Name    string // as kept in checkpoints, such as "batch size"
	Value   string
	Default string
}

// Summary loads the data set, traces the experiment's graphs on the Go backend and runs the linter; nothing is compiled. It
// fails where the experiment cannot be trained at all.
func (e Subject) Summary() (Summary, error) {
	images, err := e.Game.Data[0].Head()
	if err != nil {
		return Summary{}, err
	}
	sets := []*sample.Images{images}
	if e.Game, err = e.Game.On(sets); err == nil {
		err = e.Game.Fits(sets)
	}
	if err != nil {
		return Summary{}, err
	}
	shape := ShapeOf(e.Game.Data[0].Name, images)
	s := Summary{Name: e.Game.Name, Data: shape.String(), BatchSize: e.Game.BatchSize, Settings: e.Settings, Findings: e.Check()}
	if s.Networks, err = networks(e, shape); err != nil {
		return Summary{}, fmt.Errorf("experiment %q: %w", e.Game.Name, err)
	}
	stored := shapes.Make(dtypes.Uint8, images.N, images.Height, images.Width, images.Channels)
	switch {
	case images.Values != nil:
		stored.DType = dtypes.Float32
	case images.Pixels == nil: // of a stream there are the batches of a step
		stored.Dimensions[0] = e.Game.BatchSize * e.Game.Draws()
	}
	if s.Step, err = stepSummary(e, shape, stored); err != nil {
		return Summary{}, fmt.Errorf("experiment %q: %w", e.Game.Name, err)
	}
	return s, nil
}

// traceOf has graphs traced on a backend that computes nothing, with a store of a seed. A panic of GoMLX is an error.
func traceOf(seed int64, trace func(backend compute.Backend, store *model.Store)) (err error) {
	backend, err := gobackend.New("ops_sequential")
	if err != nil {
		return err
	}
	defer backend.Finalize()
	defer func() { err = tracing.Error(recover(), err) }()
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(seed); err != nil {
		return err
	}
	trace(backend, store)
	return nil
}

// stepSummary traces one whole step.
func stepSummary(e Subject, shape DataShape, stored shapes.Shape) (s StepSummary, err error) {
	err = traceOf(e.Game.Seed, func(backend compute.Backend, store *model.Store) {
		ground := groundOf(store, e.Game, []DataShape{shape}, []shapes.Shape{stored})
		s.Private = driven(e)
		g := NewGraph(backend, "step")
		defer g.Finalize()
		e.Game.Build(ground, e.Game.VariantOf(0, ""), inputsOf(g, e.Game))
		s.Cost, s.Between = CostOf(g), largestBetween(g)
		for v := range store.IterVariables() {
			if bytes := int(v.Shape().ByteSize()); strings.HasPrefix(v.Path(), "/data/") {
				s.Data += bytes
			} else {
				s.State += bytes
			}
		}
	})
	return s, err
}

// largestBetween is how many bytes of results exist at a time, where each is computed in the order of the graph and dropped
// after the last that reads it. What only changes a shape is taken for no result of its own.
func largestBetween(g *Graph) int {
	needed, _ := neededIn(g)
	nodes := g.Nodes()
	last := map[*Node]int{} // where a result is read for the last time
	for i, n := range nodes {
		if needed[n] {
			for _, in := range n.Inputs() {
				last[tracing.Unshaped(in)] = i
			}
		}
	}
	ends := map[int]int{} // bytes that are dropped behind a place
	now, most := 0, 0
	for i, n := range nodes {
		if needed[n] && n.NumOutputs() == 1 && tracing.Unshaped(n) == n && n.Type() != NodeTypeParameter && n.Type() != NodeTypeConstant {
			bytes := int(n.Shape().ByteSize())
			now += bytes
			if end, read := last[n]; read {
				ends[end] += bytes
			}
			most = max(most, now)
		}
		now -= ends[i]
	}
	return most
}
