package gan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

const averageCount = "count" // the variable of steps averaged so far

// average moves the averaged copy of the generator (Experiment.EMA) towards the weights of this step:
//
//	θ̄ ← dθ̄ + (1-d)θ,  d = min(EMA, (1+t)/(10+t)) after t steps
//
// What is no trained weight, such as the statistics of batch normalisation, is copied.
func (s *step) average(g *Graph) {
	if s.EMA == 0 {
		return
	}
	count := s.store.Scope(averageScope+"Steps").WithInitializer(initializer.Zero).
		VariableWithShape(averageCount, shapes.Make(dtypes.Float32)).SetTrainable(false)
	t := count.NodeValue(g)
	count.SetNodeValue(AddScalar(t, 1))
	decay := Min(Div(AddScalar(t, 1), AddScalar(t, 10)), Scalar(g, dtypes.Float32, s.EMA))
	// With decay 0 in the first step whatever the copy starts from is replaced by the weights.
	decay = Mul(decay, ConvertDType(GreaterThan(t, ScalarZero(g, dtypes.Float32)), dtypes.Float32))
	for v := range s.store.IterVariables() {
		name, found := strings.CutPrefix(v.Path(), generatorScope+"/")
		if !found {
			continue
		}
		value := v.NodeValue(g)
		copied := s.store.VariableWithShape(averageScope+"/"+name, v.Shape(), initializer.Zero).SetTrainable(false)
		if v.Trainable && v.DType().IsFloat() {
			value = Add(Mul(copied.NodeValue(g), decay), Mul(value, OneMinus(decay)))
		}
		copied.SetNodeValue(value)
	}
}

// beginAverages gives averages that nothing went into yet the generator's own weights, so that what is drawn with them
// is what the generator makes: all of them before the first step, and those that are fresh in a branch.
func (t *Trainer) beginAverages(fresh []string) error {
	if t.exp.EMA == 0 {
		return nil
	}
	count, err := t.store.GetVariable(averageScope + "Steps/" + averageCount).Value()
	if err != nil {
		return fmt.Errorf("averages: %w", err)
	}
	begun := count.Value().(float32) > 0
	for v := range t.store.IterVariables() {
		name, found := strings.CutPrefix(v.Path(), averageScope+"/")
		if !found || begun && !slices.Contains(fresh, v.Path()[1:]) {
			continue
		}
		of := t.store.GetVariable(generatorScope + "/" + name)
		if of == nil {
			continue // it belongs to no generator: a step would not move it either
		}
		if err := copyValue(v, of); err != nil {
			return fmt.Errorf("averages: %w", err)
		}
	}
	return nil
}

// copyValue gives a variable the value of another.
func copyValue(to, from *model.Variable) error {
	value, err := from.Value()
	if err != nil {
		return fmt.Errorf("variable %s: %w", from.Path(), err)
	}
	copied, err := value.LocalClone()
	if err == nil {
		err = to.SetValue(copied)
	}
	if err != nil {
		return fmt.Errorf("variable %s: %w", to.Path(), err)
	}
	return nil
}
