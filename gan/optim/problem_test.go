package optim_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/optim"
	"gantry.local/gan/setting"
)

// The small problem: ½ Σ wᵢ(θᵢ-cᵢ)² over the weights of a matrix and a vector. One component starts where it should be.
var (
	curvature = []float64{1, 4, 0.5, 2, 0.1, 3, 1, 8, 0.25, 1}
	target    = []float64{0.3, -0.2, 1, 0, -1, 0.5, 0, 0.25, 2, -0.5}
	start     = []float64{1, 0.5, -1, 0.25, 0, 0.5, -0.75, 1, 0.5, 1}
)

// matrix is how many of the weights are the matrix's.
const matrix = 6

// problem is a store with the small problem's weights, and a compiled update of them by an optimizer.
type problem struct {
	store *model.Store
	names []string // of the settings, in the order in which the update takes them
	exec  *model.Exec
}

func newProblem(t *testing.T, backend compute.Backend, o optim.Optimizer) *problem {
	t.Helper()
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	p := &problem{store: model.NewStore()}
	for _, s := range o.Settings() {
		p.names = append(p.names, s.Name)
	}
	p.make(t)
	exec, err := model.NewExec(backend, p.store, func(_ *model.Scope, inputs []*Node) *Node {
		values, objective := p.objective(inputs[0].Graph())
		optim.Apply(o, p.store.Scope("/optimizer"), p.setting(inputs[0]), Gradient(objective, values...), p.variables())
		return objective
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(exec.Finalize)
	p.exec = exec
	return p
}

// make gives the store its weights.
func (p *problem) make(t *testing.T) {
	for name, values := range map[string]*tensors.Tensor{
		"/network/dense/weights": tensors.FromFlatDataAndDimensions(float32s(start[:matrix]), 2, matrix/2),
		"/network/dense/biases":  tensors.FromFlatDataAndDimensions(float32s(start[matrix:]), len(start)-matrix),
	} {
		if _, err := p.store.CreateVariable(name, values); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *problem) variables() []*model.Variable {
	return []*model.Variable{p.store.GetVariable("/network/dense/weights"), p.store.GetVariable("/network/dense/biases")}
}

// objective is the small problem's, and the nodes of the weights.
func (p *problem) objective(g *Graph) (values []*Node, objective *Node) {
	var rows []*Node
	for _, v := range p.variables() {
		values = append(values, v.NodeValue(g))
		rows = append(rows, Reshape(v.NodeValue(g), -1))
	}
	off := Sub(Concatenate(rows, 0), Const(g, float32s(target)))
	return values, MulScalar(ReduceAllSum(Mul(Const(g, float32s(curvature)), Square(off))), 0.5)
}

// setting reads settings from a vector of them, as a step of a run does.
func (p *problem) setting(all *Node) func(name string) *Node {
	return func(name string) *Node {
		for i, known := range p.names {
			if known == name {
				return Squeeze(Slice(all, AxisElem(i)))
			}
		}
		return nil
	}
}

// step makes one update with the optimizer's settings, or factors times those that are named.
func (p *problem) step(t *testing.T, o optim.Optimizer, factors map[string]float64) {
	t.Helper()
	var values []float32
	for _, s := range o.Settings() {
		if factor, named := factors[s.Name]; named {
			s.Value *= factor
		}
		values = append(values, s.At(s.Value, 0))
	}
	out, err := p.exec.Call1(values)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.FinalizeAll(); err != nil {
		t.Fatal(err)
	}
}

// weights are the present ones, the matrix's first.
func (p *problem) weights(t *testing.T) []float64 {
	t.Helper()
	var all []float64
	for _, v := range p.variables() {
		for _, x := range floats(t, v) {
			all = append(all, float64(x))
		}
	}
	return all
}

// content are the values of all variables by path, counters as floats.
func (p *problem) content(t *testing.T) map[string][]float32 {
	t.Helper()
	return contentOf(t, p.store)
}

func contentOf(t *testing.T, store *model.Store) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	for v := range store.IterVariables() {
		if v.DType() == dtypes.Int64 {
			all[v.Path()] = []float32{float32(v.MustValue().Value().(int64))}
		} else if v.DType() == dtypes.Float32 {
			all[v.Path()] = floats(t, v)
		}
	}
	return all
}

func floats(t *testing.T, v *model.Variable) []float32 {
	t.Helper()
	value, err := v.Value()
	if err != nil {
		t.Fatal(err)
	}
	all, err := tensors.CopyFlatData[float32](value)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func float32s(of []float64) []float32 {
	all := make([]float32, len(of))
	for i, x := range of {
		all[i] = float32(x)
	}
	return all
}

// gradients are those of the small problem.
func gradients(θ []float64) []float64 {
	g := make([]float64, len(θ))
	for i := range θ {
		g[i] = curvature[i] * (θ[i] - target[i])
	}
	return g
}

// furthest is the largest difference of two rows, as a part of the largest of want.
func furthest(got, want []float64) float64 {
	off, largest := 0.0, 0.0
	for i := range want {
		off, largest = max(off, math.Abs(got[i]-want[i])), max(largest, math.Abs(want[i]))
	}
	return off / largest
}

// names of settings, in a row.
func names(all []setting.Setting) string {
	var row []string
	for _, s := range all {
		row = append(row, s.Name)
	}
	return strings.Join(row, " ")
}
