package optim_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
	"gantry.local/gan/optim"
	"gantry.local/gan/setting"
)

// everyone is one of each optimizer, and some of several.
func everyone() []optim.Optimizer {
	adam := optim.NewAdam(0.05, 0.5, 0.9)
	return []optim.Optimizer{
		optim.SGD{Rate: 0.1}, optim.SGD{Rate: 0.1, Momentum: 0.5, Nesterov: true}, optim.NewRMSProp(0.01), adam,
		optim.NewAdamW(0.05, 0.5, 0.9, 0.1), optim.NewLion(0.01), optim.NewOptimisticAdam(0.05, 0.5, 0.9),
		optim.Lookahead{Of: adam, Steps: 3, Share: 0.5}, optim.Chain(optim.ClipNorm(1), adam),
		optim.Chain(optim.ClipValue(1), optim.WeightDecay(0.1), adam), optim.Scheduled{Of: adam, Schedule: optim.Warmup{Steps: 3}},
		optim.Chain(optim.SGD{Rate: 0.5, Momentum: 0.5}, optim.Lookahead{Of: optim.Optimistic{Of: adam}, Steps: 2, Share: 0.5}),
	}
}

// TestPaths wants the variables of optimizers where checkpoints have them.
func TestPaths(t *testing.T) {
	backend := gantest.Go(t)
	adam := optim.NewAdam(0.05, 0.5, 0.9)
	momentum := optim.SGD{Rate: 0.1, Momentum: 0.5}
	plain := "W/m W/v b/m b/v updates"
	for _, c := range []struct {
		of   optim.Optimizer
		want string
	}{
		{adam, plain},
		{optim.Chain(optim.ClipNorm(1), adam), plain},
		{optim.Chain(optim.ClipValue(1), optim.ClipNorm(1), adam, optim.WeightDecay(0.1)), plain},
		{optim.Scheduled{Of: adam, Schedule: optim.Cosine{Steps: 3}}, plain},
		{optim.SGD{Rate: 0.1}, ""},
		{optim.NewRMSProp(0.01), "W/v b/v"},
		{optim.Lookahead{Of: adam, Steps: 2, Share: 0.5}, "W/m W/slow W/v b/m b/slow b/v lookahead updates"},
		{optim.NewOptimisticAdam(0.1, 0.5, 0.9), "W/before W/m W/v b/before b/m b/v updates"},
		{optim.Chain(momentum, adam), "W/m W/m.2 W/v b/m b/m.2 b/v updates"},
		{optim.Chain(adam, momentum, adam), "W/m W/m.2 W/m.3 W/v W/v.2 b/m b/m.2 b/m.3 b/v b/v.2 updates updates.2"},
	} {
		p := newProblem(t, backend, c.of)
		p.step(t, c.of, nil)
		p.step(t, c.of, nil)
		var found []string
		for v := range p.store.IterVariables() {
			if path, own := strings.CutPrefix(v.Path(), "/optimizer/"); own {
				path = strings.NewReplacer("network_dense_weights", "W", "network_dense_biases", "b").Replace(path)
				found = append(found, path)
				if v.Trainable {
					t.Errorf("%v: %s is trainable", c.of, path)
				}
			}
		}
		slices.Sort(found)
		if got := strings.Join(found, " "); got != c.want {
			t.Errorf("%v keeps\n%s, want\n%s", c.of, got, c.want)
		}
	}
}

// TestStateIsAll goes on with the values of all variables in another store, and wants what the first makes, to the bit.
func TestStateIsAll(t *testing.T) {
	backend := gantest.XLA(t)
	for _, o := range everyone() {
		straight := newProblem(t, backend, o)
		for range 5 {
			straight.step(t, o, nil)
		}
		resumed := newProblem(t, backend, o)
		for v := range straight.store.IterVariables() {
			value, err := v.MustValue().LocalClone()
			if err != nil {
				t.Fatal(err)
			}
			if there := resumed.store.GetVariable(v.Path()); there != nil {
				err = there.SetValue(value)
			} else {
				_, err = resumed.store.CreateVariable(v.Path(), value)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 4 {
			straight.step(t, o, nil)
			resumed.step(t, o, nil)
		}
		if got, want := resumed.content(t), straight.content(t); !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%v: resumed after 5 updates it is %v, want %v", o, got, want)
		}
	}
}

// TestLookingAhead moves the weights by two updates, takes the weights back and writes nothing; then it makes the same two
// updates in earnest. The weights that were seen ahead must be those, and nothing else may have changed.
func TestLookingAhead(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, o := range everyone() {
			p := newProblem(t, backend, o)
			p.step(t, o, nil)
			ahead, err := model.NewExec(backend, p.store, func(_ *model.Scope, inputs []*Node) *Node {
				g := inputs[0].Graph()
				var before []*Node
				for _, v := range p.variables() {
					before = append(before, v.NodeValue(g))
				}
				s := optim.NewState(p.store.Scope("/optimizer"), g, p.setting(inputs[0]), p.variables())
				for range 2 {
					values, objective := p.objective(g)
					s.Descend(o, Gradient(objective, values...))
				}
				var seen []*Node
				for i, v := range p.variables() {
					seen = append(seen, Reshape(v.NodeValue(g), -1))
					v.SetNodeValue(before[i])
				}
				return Concatenate(seen, 0)
			})
			if err != nil {
				t.Fatal(err)
			}
			before := p.content(t)
			var settings []float32
			for _, s := range o.Settings() {
				settings = append(settings, float32(s.Value))
			}
			out, err := ahead.Call1(settings)
			if err != nil {
				t.Fatal(err)
			}
			var seen []float64
			for _, x := range tensors.MustCopyFlatData[float32](out) {
				seen = append(seen, float64(x))
			}
			ahead.Finalize()
			if after := p.content(t); !maps.EqualFunc(after, before, slices.Equal) {
				t.Errorf("%v: looking ahead has made %v of %v", o, after, before)
			}
			p.step(t, noSchedule(o), nil)
			p.step(t, noSchedule(o), nil)
			if off := furthest(seen, p.weights(t)); !(off < 1e-6) {
				t.Errorf("%v: it saw %.6v ahead, and two updates make %.6v", o, seen, p.weights(t))
			}
		}
	})
}

// noSchedule is what a schedule was put around: TestLookingAhead gives settings as they are.
func noSchedule(o optim.Optimizer) optim.Optimizer {
	if s, ok := o.(optim.Scheduled); ok {
		return s.Of
	}
	return o
}

// TestDifferentiated differentiates through two updates by the factor that their objective has, and compares with finite
// differences. Signs have no slope, so Lion is left out.
func TestDifferentiated(t *testing.T) {
	backend := gantest.Go(t)
	for _, o := range everyone() {
		if _, ok := o.(optim.Lion); ok {
			continue
		}
		p := newProblem(t, backend, o)
		p.step(t, o, nil)
		outcome, err := model.NewExec(backend, p.store, func(_ *model.Scope, inputs []*Node) []*Node {
			g := inputs[0].Graph()
			before := make([]*Node, 2)
			for i, v := range p.variables() {
				before[i] = v.NodeValue(g)
			}
			s := optim.NewState(p.store.Scope("/optimizer"), g, optim.Constant(g, o), p.variables())
			for range 2 {
				values, objective := p.objective(g)
				objective = Add(objective, Mul(ReduceAllSum(Square(Square(values[1]))), inputs[0]))
				s.Descend(o, Gradient(objective, values...))
			}
			_, end := p.objective(g)
			for i, v := range p.variables() {
				v.SetNodeValue(before[i])
			}
			return append(Gradient(end, inputs[0]), end)
		})
		if err != nil {
			t.Fatal(err)
		}
		call := func(x float32) (slope, end float64) {
			out, err := outcome.Call(x)
			if err != nil {
				t.Fatalf("%v: %v", o, err)
			}
			return float64(tensors.ToScalar[float32](out[0])), float64(tensors.ToScalar[float32](out[1]))
		}
		slope, _ := call(0.3)
		_, more := call(0.32)
		_, less := call(0.28)
		outcome.Finalize()
		if want := (more - less) / 0.04; !(math.Abs(slope-want) <= 0.02*math.Abs(want)+2e-3) || slope == 0 {
			t.Errorf("%v: the slope through two updates is %g, by finite differences %g", o, slope, want)
		}
	}
}

// broken is an optimizer that keeps its promises but for what make does.
type broken struct {
	optim.SGD
	make func(s *optim.State, gradients []*Node) []*Node
}

func (b broken) Update(s *optim.State, gradients []*Node) []*Node { return b.make(s, gradients) }
func (b broken) String() string                                   { return "broken" }

// TestBrokenPromises wants a line that says what an optimizer from elsewhere, or who calls one, does wrong.
func TestBrokenPromises(t *testing.T) {
	backend := gantest.Go(t)
	same := func(s *optim.State, gradients []*Node) []*Node { return gradients }
	for _, c := range []struct {
		make      func(s *optim.State, gradients []*Node) []*Node
		variables map[string]any
		want      string
	}{
		{func(s *optim.State, gradients []*Node) []*Node { return gradients[:1] }, nil,
			"optimizer broken makes 1 changes of 2 gradients"},
		{func(s *optim.State, gradients []*Node) []*Node { return []*Node{gradients[1], gradients[0]} }, nil,
			"optimizer broken makes a change (Float32)[3] for /a, which is (Float32)[2]"},
		{func(s *optim.State, gradients []*Node) []*Node { s.Setting("heat"); return gradients }, nil,
			`an optimizer reads a setting "heat" that has no value: list it in its Settings`},
		{func(s *optim.State, gradients []*Node) []*Node {
			s.SetSlots("m", []*Node{gradients[1], gradients[0]})
			return gradients
		}, nil,
			"an optimizer is to remember (Float32)[3] as /optimizer/a/m, which is (Float32)[2]"},
		{same, map[string]any{"/a": []float64{1}, "/b": []float32{1}},
			"variable /a is Float64: optimizers update float32"},
		{same, map[string]any{"/a/b_c": []float32{1}, "/a_b/c": []float32{2}},
			"variables /a/b_c and /a_b/c would share an optimizer's state, a_b_c: rename one"},
	} {
		if c.variables == nil {
			c.variables = map[string]any{"/a": []float32{1, 2}, "/b": []float32{1, 2, 3}}
		}
		store := model.NewStore()
		var variables []*model.Variable
		for _, path := range slices.Sorted(maps.Keys(c.variables)) {
			v, err := store.CreateVariable(path, tensors.MustFromAnyValue(c.variables[path]))
			if err != nil {
				t.Fatal(err)
			}
			variables = append(variables, v)
		}
		exec, err := model.NewExec(backend, store, func(_ *model.Scope, inputs []*Node) *Node {
			objective := ScalarZero(inputs[0].Graph(), inputs[0].DType())
			for _, v := range variables {
				objective = Add(objective, ConvertDType(ReduceAllSum(v.NodeValue(objective)), objective.DType()))
			}
			optim.Minimise(broken{optim.SGD{Rate: 1}, c.make}, store.Scope("/optimizer"), objective, variables)
			return objective
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = exec.Call1(float32(0))
		exec.Finalize()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("the error is %v, want %s", err, c.want)
		}
	}
}

// TestNoVariables wants an update of nothing to be none.
func TestNoVariables(t *testing.T) {
	optim.Apply(optim.NewAdam(1, 0, 0), nil, nil, nil, nil)
}

func TestNamesOfSettings(t *testing.T) {
	adam := optim.NewAdam(1e-3, 0.5, 0.9)
	for _, c := range []struct {
		of   optim.Optimizer
		want string
	}{
		{adam, "rate"},
		{optim.NewAdamW(1e-3, 0.5, 0.9, 0.1), "rate decay"},
		{optim.NewLion(1e-3), "rate decay"},
		{optim.Chain(optim.ClipNorm(1), adam), "clip-norm rate"},
		{optim.Chain(optim.ClipNorm(1), adam, optim.ClipNorm(2), optim.WeightDecay(0.1)), "clip-norm rate clip-norm.2 decay"},
		{optim.Chain(optim.ClipNorm(1), optim.Chain(adam, optim.ClipNorm(2), adam)), "clip-norm rate clip-norm.2 rate.2"},
		{optim.Lookahead{Of: optim.Lookahead{Of: adam, Steps: 1, Share: 0.1}, Steps: 1, Share: 0.2}, "rate share share.2"},
		{optim.Optimistic{Of: optim.Scheduled{Of: adam, Schedule: optim.Cosine{Steps: 3}}}, "rate"},
	} {
		if got := names(c.of.Settings()); got != c.want {
			t.Errorf("%v has settings %s, want %s", c.of, got, c.want)
		}
	}
	var values []string
	for _, s := range optim.Chain(optim.ClipNorm(1), adam, optim.ClipNorm(2)).Settings() {
		values = append(values, fmt.Sprint(s.Name, " ", s.Value))
	}
	if got := strings.Join(values, ", "); got != "clip-norm 1, rate 0.001, clip-norm.2 2" {
		t.Errorf("the settings are %s", got)
	}
}

// TestValues wants optimizers to be comparable, and to tell different ones apart by their text.
func TestValues(t *testing.T) {
	seen := map[string]optim.Optimizer{}
	for i, o := range everyone() {
		if again := everyone()[i]; o != again {
			t.Errorf("%v is another than %v", o, again)
		}
		if before := seen[o.String()]; before != nil {
			t.Errorf("%#v and %#v are both called %v", before, o, o)
		}
		seen[o.String()] = o
		if err := o.Check(); err != nil {
			t.Error(err)
		}
		for _, s := range o.Settings() {
			if s.Max <= s.Min || s.Name == "" {
				t.Errorf("%v has a setting %+v", o, s)
			}
		}
	}
}

// TestChecks wants one clear line for each thing that is wrong.
func TestChecks(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	adam := optim.NewAdam(1e-3, 0.5, 0.9)
	cosine := optim.Cosine{Steps: 9}
	for _, c := range []struct {
		of   optim.Optimizer
		want string
	}{
		{optim.NewAdam(-1, 0.5, 0.9), "adam: setting rate cannot be -1: want a finite number of at least 0"},
		{optim.NewAdam(nan, 0.5, 0.9), "adam: setting rate cannot be NaN: want a finite number of at least 0"},
		{optim.NewAdam(1, -1, 0.9), "adam: Beta1 -1 must lie in [0, 1)"},
		{optim.NewAdam(1, 0.5, 1), "adam: Beta2 1 must lie in [0, 1)"},
		{optim.Adam{Rate: 1, Beta2: 0.9, Epsilon: inf}, "adam: Epsilon +Inf must be finite and not negative"},
		{optim.Adam{Rate: 1}, "adam: Epsilon and Beta2 are both 0, which leaves the gradients' signs: make it with NewAdam"},
		{optim.AdamW{Adam: optim.Adam{Rate: 1}}, "adamw: Epsilon and Beta2 are both 0, which leaves the gradients' signs: make it with NewAdamW"},
		{optim.NewAdamW(1, 0.5, 0.9, -1), "adamw: setting decay cannot be -1: want a finite number of at least 0"},
		{optim.RMSProp{Rate: 1}, "rmsprop: Epsilon and Decay are both 0, which leaves the gradients' signs: make it with NewRMSProp"},
		{optim.RMSProp{Rate: 1, Decay: nan, Epsilon: 1}, "rmsprop: Decay NaN must lie in [0, 1)"},
		{optim.SGD{Rate: inf}, "sgd: setting rate cannot be +Inf: want a finite number of at least 0"},
		{optim.SGD{Rate: 1, Momentum: 1}, "sgd: Momentum 1 must lie in (-1, 1)"},
		{optim.SGD{Rate: 1, Nesterov: true}, "sgd: Nesterov needs a Momentum"},
		{optim.Lion{Rate: 1, Beta1: 1}, "lion: Beta1 1 must lie in [0, 1)"},
		{optim.Lion{Rate: 1, WeightDecay: nan}, "lion: setting decay cannot be NaN: want a finite number of at least 0"},
		{optim.ClipNorm(-1), "clip norm: setting clip-norm cannot be -1: want a finite number of at least 0"},
		{optim.ClipValue(nan), "clip value: setting clip-value cannot be NaN: want a finite number of at least 0"},
		{optim.WeightDecay(-1), "weight decay: setting decay cannot be -1: want a finite number of at least 0"},
		{optim.Lookahead{Of: adam, Share: 0.5}, "lookahead: Steps 0 must be at least 1"},
		{optim.Lookahead{Of: adam, Steps: 5, Share: 2}, "lookahead: setting share cannot be 2: want a number from 0 to 1"},
		{optim.Lookahead{Steps: 5}, "lookahead: there is no optimizer in it"},
		{optim.Optimistic{}, "optimistic: there is no optimizer in it"},
		{optim.Chain(nil, adam), "chain: there is no optimizer in it"},
		{optim.Chain(optim.ClipNorm(1), optim.NewAdam(-1, 0, 0)), "adam: setting rate cannot be -1: want a finite number of at least 0"},
		{optim.Scheduled{Schedule: cosine}, "scheduled: there is no optimizer in it"},
		{optim.Scheduled{Of: adam}, "scheduled: it has no Schedule"},
		{optim.Scheduled{Of: adam, Schedule: optim.Linear{Final: -1}}, "schedule linear from 0 to 0 final -1: its final factor must be finite and not negative"},
		{optim.Scheduled{Of: adam, Schedule: cosine, Setting: "heat"},
			`scheduled: adam rate 0.001 beta1 0.5 beta2 0.9 epsilon 1e-08 has no setting "heat": name one of its settings (rate)`},
		{optim.Scheduled{Of: optim.ClipNorm(1), Schedule: cosine}, `scheduled: clip norm 1 has no setting "rate": name one of its settings (clip-norm)`},
	} {
		if err := c.of.Check(); err == nil || err.Error() != c.want {
			t.Errorf("the error of %#v is\n%v, want\n%s", c.of, err, c.want)
		}
		c.of.Settings() // lists what there is, whatever is wrong
		_ = c.of.String()
	}
}

// TestOthersCheck wants a held optimizer from elsewhere to be asked too.
func TestOthersCheck(t *testing.T) {
	if err := optim.Chain(optim.ClipNorm(1), unwell{}).Check(); err == nil || err.Error() != "unwell" {
		t.Errorf("the error is %v", err)
	}
}

type unwell struct{ optim.SGD }

func (unwell) Check() error                { return fmt.Errorf("unwell") }
func (unwell) Settings() []setting.Setting { return nil }
