package gan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
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
func (e Experiment) Summary() (Summary, error) {
	findings := e.Check()
	settings := e.unusual()
	e = e.withDefaults()
	if err := e.validate(); err != nil {
		return Summary{}, err
	}
	images, err := e.Data.Load()
	if err != nil {
		return Summary{}, err
	}
	if e.Classes == 0 {
		e.Classes = images.Classes()
	}
	if err := e.fits(images); err != nil {
		return Summary{}, err
	}
	shape := DataShape{Name: e.Data.Name, N: images.N, Height: images.Height, Width: images.Width, Depth: images.Depth(),
		Classes: images.Classes(), Labels: images.Labels != nil, Alphabet: images.Alphabet != nil}
	s := Summary{Name: e.Name, Data: shape.String(), BatchSize: e.BatchSize, Settings: settings, Findings: findings}
	if s.Networks, err = e.networks(shape); err != nil {
		return Summary{}, fmt.Errorf("experiment %q: %w", e.Name, err)
	}
	stored := shapes.Make(dtypes.Uint8, images.N, images.Height, images.Width, images.Channels)
	if images.Values != nil {
		stored.DType = dtypes.Float32
	}
	if s.Step, err = e.stepSummary(shape, stored); err != nil {
		return Summary{}, fmt.Errorf("experiment %q: %w", e.Name, err)
	}
	return s, nil
}

// unusual lists the settings that differ from those of an experiment that sets nothing.
func (e Experiment) unusual() (all []Setting) {
	plain := Experiment{Augment: e.Augment, Adapt: e.Adapt}.withDefaults() // with an augmentation its strength has another default
	now, usual := e.withDefaults().settings(), plain.settings()
	if e.Augment != nil {
		usual["augmentation"], usual["adaptation"] = none, none
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		value, standard := orNone(now[name]), orNone(usual[name])
		if name == "experiment" || name == "data" || value == standard {
			continue
		}
		if strings.HasSuffix(name, "optimizer") { // of many numbers
			value, standard = cut(strings.Fields(value), strings.Fields(standard), " ", 1)
		}
		all = append(all, Setting{name, value, standard})
	}
	if e.Classes != 0 {
		all = append(all, Setting{"classes", fmt.Sprint(e.Classes), "as many as the data has"})
	}
	return all
}

const none = "none"

func orNone(value string) string {
	if value == "" || value == "<nil>" {
		return none
	}
	return value
}

// traced has graphs traced on a backend that computes nothing, with a store of the experiment's seed. A panic of GoMLX is an error.
func (e Experiment) traced(trace func(backend compute.Backend, store *model.Store)) (err error) {
	backend, err := gobackend.New("ops_sequential")
	if err != nil {
		return err
	}
	defer backend.Finalize()
	defer func() { err = tracingError(recover(), err) }()
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(e.Seed); err != nil {
		return err
	}
	trace(backend, store)
	return nil
}

// stepSummary traces one whole step.
func (e Experiment) stepSummary(shape DataShape, stored shapes.Shape) (s StepSummary, err error) {
	err = e.traced(func(backend compute.Backend, store *model.Store) {
		held := func(name string, shape shapes.Shape) *model.Variable {
			s.Data += int(shape.ByteSize())
			return store.VariableWithShape(dataScope+"/"+name, shape, initializer.Zero).SetTrainable(false)
		}
		b := step{Experiment: e, store: store, depth: shape.Depth, oneHot: shape.Alphabet, images: held("images", stored)}
		if e.needsLabels() {
			b.labels = held("labels", shapes.Make(dtypes.Int32, shape.N))
		}
		b.updates = updates{critic: !e.Privacy.on(), generator: true, penalties: len(e.Penalties) > 0}
		s.Private = e.Privacy.on()
		g := NewGraph(backend, "step")
		defer g.Finalize()
		b.build(Parameter(g, "rows", shapes.Make(dtypes.Int32, e.CriticSteps, e.BatchSize)), Parameter(g, "state", RNGStateShape),
			Parameter(g, "settings", e.settingsShape()))
		s.Cost, s.Between = CostOf(g), largestBetween(g)
		for v := range store.IterVariables() {
			if !strings.HasPrefix(v.Path(), dataScope+"/") {
				s.State += int(v.Shape().ByteSize())
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
				last[unshaped(in)] = i
			}
		}
	}
	ends := map[int]int{} // bytes that are dropped behind a place
	now, most := 0, 0
	for i, n := range nodes {
		if needed[n] && n.NumOutputs() == 1 && unshaped(n) == n && n.Type() != NodeTypeParameter && n.Type() != NodeTypeConstant {
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
