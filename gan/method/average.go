package method

import (
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// AverageCount is the variable, below the scope that AverageScope returns with "Steps" behind it, that counts the steps averaged
// so far, float32.
const AverageCount = "count"

// AverageScope is where the averaged weights of a network lie.
func (g Game) AverageScope(network string) string {
	if network == g.Sampler.Network {
		return "/average"
	}
	return "/averages/" + network
}

// BestScope is where the weights lie that a network is used with once it is trained: the averaged ones, where the game keeps them.
func (g Game) BestScope(network string) string {
	if slices.ContainsFunc(g.Averages, func(a Average) bool { return a.Network == network && a.Decay > 0 }) {
		return g.AverageScope(network)
	}
	return "/" + network
}

// average moves the averaged copies of networks that moved towards the weights of this step:
//
//	θ̄ ← dθ̄ + (1-d)θ,  d = min(Decay, (1+t)/(10+t)) after t steps
//
// What is no trained weight, such as the statistics of batch normalisation, is copied.
func (s *step) average() {
	for _, a := range s.game.Averages {
		if a.Decay == 0 || !s.moved(a.Network) {
			continue
		}
		g, store, scope := s.rows.Graph(), s.ground.Store, s.game.AverageScope(a.Network)
		count := store.Scope(scope+"Steps").WithInitializer(initializer.Zero).
			VariableWithShape(AverageCount, shapes.Make(dtypes.Float32)).SetTrainable(false)
		t := count.NodeValue(g)
		count.SetNodeValue(AddScalar(t, 1))
		decay := Min(Div(AddScalar(t, 1), AddScalar(t, 10)), Scalar(g, dtypes.Float32, a.Decay))
		// With decay 0 in the first step whatever the copy starts from is replaced by the weights.
		decay = Mul(decay, ConvertDType(GreaterThan(t, ScalarZero(g, dtypes.Float32)), dtypes.Float32))
		for v := range store.IterVariables() {
			name, found := strings.CutPrefix(v.Path(), "/"+a.Network+"/")
			if !found {
				continue
			}
			value := v.NodeValue(g)
			copied := store.VariableWithShape(scope+"/"+name, v.Shape(), initializer.Zero).SetTrainable(false)
			if v.Trainable && v.DType().IsFloat() {
				value = Add(Mul(copied.NodeValue(g), decay), Mul(value, OneMinus(decay)))
			}
			copied.SetNodeValue(value)
		}
	}
}

// moved tells whether the step's variant moves a network.
func (s *step) moved(network string) bool {
	return slices.ContainsFunc(s.turns(), func(turn playedTurn) bool {
		return slices.ContainsFunc(turn.Phases, func(phase Phase) bool { return slices.Contains(phase.Moves, network) })
	})
}
