package gan

import (
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model/initializer"
)

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
		VariableWithShape("count", shapes.Make(dtypes.Float32)).SetTrainable(false)
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
