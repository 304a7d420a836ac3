package net

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// TestSequenceDerivatives differentiates the layers and critics over time as gradient penalties do.
func TestSequenceDerivatives(t *testing.T) {
	for name, c := range map[string]struct {
		layer network
		dims  []int
	}{
		"LSTM":   {func(s *model.Scope, x *Node) *Node { return LSTM(s, x, 3) }, []int{2, 3, 2}},
		"GRU":    {func(s *model.Scope, x *Node) *Node { return GRU(s, x, 3) }, []int{2, 2, 2}},
		"Conv1D": {func(s *model.Scope, x *Node) *Node { return Tanh(Conv1D(s, x, 3, 3)) }, []int{2, 3, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
				checkDerivatives(t, backend, c.layer, c.dims, true)
			})
		})
	}
	for name, c := range map[string]struct {
		critic network
		dims   []int
	}{
		"SequenceCritic":     {SequenceCritic(3), []int{2, 2 * frame, 1, 2}},
		"SequenceConvCritic": {SequenceConvCritic(3), []int{2, 2 * frame, 1, 2}},
		"TextCritic":         {Text{Width: 4}.Critic, []int{2, 3, 1, 3}},
		// Unrolled updates of a critic with a gradient penalty need third derivatives.
		"a gradient": {func(s *model.Scope, x *Node) *Node {
			return Gradient(ReduceAllSum(Square(GRU(s.In("gru"), Conv1D(s.In("conv"), x, 2, 3), 2))), x)[0]
		}, []int{2, 2, 2}},
	} {
		t.Run(name, func(t *testing.T) { checkDerivatives(t, gantest.Go(t), c.critic, c.dims, true) })
	}
}

// TestSequenceShapes also counts trainable weights.
func TestSequenceShapes(t *testing.T) {
	backend := gantest.Go(t)
	for name, c := range map[string]struct {
		network       network
		input, output []int
		parameters    int
	}{
		"SequenceGenerator": {SequenceGenerator(3*frame, 5, 2), []int{3, 4}, []int{3, 3 * frame, 1, 2},
			(4+1+5)*4*5 + 4*5 + 5*2*frame + 2*frame},
		"SequenceCritic": {SequenceCritic(5), []int{3, 3 * frame, 1, 2}, []int{3, 1}, (2*frame+5)*4*5 + 4*5 + 5 + 1},
		"SequenceConvCritic": {SequenceConvCritic(5), []int{3, 3 * frame, 1, 2}, []int{3, 1},
			3*2*frame*5 + 5 + 3*5*5 + 5 + 3*5 + 1},
		"TextGenerator": {Text{Steps: 6, Vocabulary: 7, Hidden: 4}.Generator, []int{3, 5}, []int{3, 6, 1, 7},
			5*8 + 8 + 8*8 + 8 + (8+1)*(16+4+4) + (7+4+1)*16 + (4+1)*7},
		"Text.Generator of a long text": {Text{Steps: 41, Vocabulary: 7, Hidden: 4}.Generator, []int{3, 5}, []int{3, 41, 1, 7},
			5*8 + 8 + 8*8 + 8 + (8+1)*(16+4+4) + (3*7+4+1)*16 + (4+1)*3*7},
		"TextCritic": {Text{Width: 4}.Critic, []int{3, 6, 1, 7}, []int{3, 1}, 7*4 + 4 + 4*(5*4*4+4) + 6*4 + 1},
	} {
		size, store := 1, newStore(t)
		for _, dim := range c.input {
			size *= dim
		}
		out := call(backend, store, true, tensor(random(2, size), c.input...), c.network)
		if !slices.Equal(out.Shape().Dimensions, c.output) {
			t.Errorf("%s maps %v to %v, want %v", name, c.input, out.Shape().Dimensions, c.output)
		}
		parameters := 0
		for v := range store.IterVariables() {
			if v.Trainable {
				parameters += v.Shape().Size()
			}
		}
		if parameters != c.parameters {
			t.Errorf("%s has %d parameters, want %d", name, parameters, c.parameters)
		}
	}
}

// TestEveryStepCounts wants each sample of a series, the first and the last too, to move the logit, and each component
// of z to move each sample.
func TestEveryStepCounts(t *testing.T) {
	const batch, steps = 2, 3 * frame
	backend := gantest.Go(t)
	for name, c := range map[string]struct {
		network network
		dims    []int
	}{
		"SequenceCritic":     {SequenceCritic(6), []int{batch, steps, 1, 1}},
		"SequenceConvCritic": {SequenceConvCritic(6), []int{batch, steps, 1, 1}},
		"TextCritic":         {Text{Width: 6}.Critic, []int{batch, steps, 1, 1}},
		"SequenceGenerator, last sample": {func(s *model.Scope, z *Node) *Node {
			return Slice(SequenceGenerator(steps, 6, 1)(s, z), AxisRange(), AxisElem(-1))
		}, []int{batch, 5}},
	} {
		size := 1
		for _, dim := range c.dims {
			size *= dim
		}
		slopes := call(backend, newStore(t), true, tensor(random(7, size), c.dims...),
			func(scope *model.Scope, x *Node) *Node { return Gradient(ReduceAllSum(c.network(scope, x)), x)[0] })
		for i, slope := range flat(slopes) {
			if !(math.Abs(float64(slope)) > 1e-9) {
				t.Errorf("%s: value %d of the input has the gradient %g", name, i, slope)
			}
		}
	}
}

func TestWithTime(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for steps, want := range map[int][]float64{
			1: {5, 6, -1, 7, 8, -1},
			3: {5, 6, -1, 5, 6, 0, 5, 6, 1, 7, 8, -1, 7, 8, 0, 7, 8, 1},
		} {
			got := callOnce(backend, func(z *Node) *Node { return withTime(z, steps) }, tensor([]float32{5, 6, 7, 8}, 2, 2))
			requireNear(t, "withTime", flat(got), want, 0)
		}
	})
}

// TestWrongSequences wants one line that names the network and what it needs.
func TestWrongSequences(t *testing.T) {
	backend := gantest.Go(t)
	for _, c := range []struct {
		network func() network // which may panic itself
		dims    []int
		want    string
	}{
		{func() network { return func(s *model.Scope, x *Node) *Node { return LSTM(s, x, 3) } }, []int{2, 3},
			"LSTM needs sequences [batch, T, features]"},
		{func() network { return func(s *model.Scope, x *Node) *Node { return GRU(s, x, 3) } }, []int{2, 3, 1, 1},
			"GRU needs sequences [batch, T, features]"},
		{func() network { return SequenceGenerator(30, 8, 1) }, []int{2, 4}, "SequenceGenerator needs a number of steps"},
		{func() network { return SequenceGenerator(0, 8, 1) }, []int{2, 4}, "SequenceGenerator needs a number of steps"},
		{func() network { return SequenceCritic(8) }, []int{2, 30, 1, 1}, "SequenceCritic needs a number of steps"},
		{func() network { return SequenceCritic(8) }, []int{2, 8, 8, 1}, "SequenceCritic needs sequences [batch, T, 1, features]"},
		{func() network { return SequenceConvCritic(8) }, []int{2, 8}, "SequenceConvCritic needs sequences"},
		{func() network { return Text{Width: 8}.Critic }, []int{2, 8, 5}, "TextCritic needs sequences"},
		{func() network { return Text{Vocabulary: 5}.Generator }, []int{2, 8}, "TextGenerator needs steps and a vocabulary"},
		{func() network { return Text{Steps: 4}.Generator }, []int{2, 8}, "TextGenerator needs steps and a vocabulary"},
		{func() network { return func(s *model.Scope, x *Node) *Node { return Conv1D(s, x, 3, 2) } }, []int{2, 3, 4},
			"Conv1D needs sequences [batch, T, features] and an odd size"},
		{func() network { return func(s *model.Scope, x *Node) *Node { return Conv1D(s, x, 3, -1) } }, []int{2, 3, 4},
			"an odd size, not (Float32)[2, 3, 4] and -1"},
		{func() network { return func(s *model.Scope, x *Node) *Node { return GumbelSoftmax(s, x, 0) } }, []int{2, 3},
			"GumbelSoftmax needs a temperature above 0"},
	} {
		message := panicOf(t, func() {
			call(backend, newStore(t), true, tensors.FromScalarAndDimensions(float32(1), c.dims...), c.network())
		})
		if !strings.Contains(message, c.want) || strings.Count(strings.TrimSpace(message), "\n") > 0 {
			t.Errorf("%v: %q, want one line with %q", c.dims, message, c.want)
		}
	}
}

// panicOf returns what f panics with, as text.
func panicOf(t *testing.T, f func()) (message string) {
	t.Helper()
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error:
			message = p.Error()
		case string:
			message = p
		default:
			t.Errorf("panics with %T", p)
		}
	}()
	f()
	return "no panic"
}
