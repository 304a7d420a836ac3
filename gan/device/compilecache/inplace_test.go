package compilecache_test

import (
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// TestInPlace wants programs that change variables where they lie to compute what they would without, also where an
// argument shares a buffer that it may not: a variable that is read only, one that two results are made of, one whose old
// value is asked for too.
func TestInPlace(t *testing.T) {
	const n = 1 << 16
	store := model.NewStore()
	scope := store.RootScope()
	values := func(v *model.Variable) float32 {
		flat := tensors.MustCopyFlatData[float32](v.MustValue())
		if slices.ContainsFunc(flat, func(x float32) bool { return x != flat[0] }) {
			t.Errorf("%s holds several values", v.Path())
		}
		return flat[0]
	}
	of := func(name string, value float32) *model.Variable {
		return scope.VariableWithValue(name, slices.Repeat([]float32{value}, n))
	}
	weight, mean, square, average, fixed := of("w", 1), of("m", 2), of("v", 3), of("ema", 4), of("fixed", 5)
	exec, err := model.NewExec(gantest.XLA(t), store, func(_ *model.Scope, x *graph.Node) []*graph.Node {
		w, m, v := weight.NodeValue(x), mean.NodeValue(x), square.NodeValue(x)
		newM, newV := graph.Add(m, x), graph.Mul(v, graph.Square(x))
		newW := graph.Sub(w, graph.Div(newM, newV))
		mean.SetNodeValue(newM)
		square.SetNodeValue(newV)
		weight.SetNodeValue(newW)
		average.SetNodeValue(graph.Add(graph.MulScalar(average.NodeValue(x), 0.5), graph.MulScalar(newW, 0.5)))
		return []*graph.Node{graph.MulScalar(fixed.NodeValue(x), 3), graph.Add(w, m), newW}
	})
	if err != nil {
		t.Fatal(err)
	}
	w, m, v, ema := float32(1), float32(2), float32(3), float32(4)
	for step := range 3 {
		outputs, err := exec.Call(slices.Repeat([]float32{2}, n))
		if err != nil {
			t.Fatal(err)
		}
		old := w + m
		m, v = m+2, v*4
		w -= m / v
		ema = ema*0.5 + w*0.5
		got := []float32{values(weight), values(mean), values(square), values(average), values(fixed)}
		for _, output := range outputs {
			got = append(got, tensors.MustCopyFlatData[float32](output)[n-1])
		}
		if want := []float32{w, m, v, ema, 5, 15, old, w}; !slices.Equal(got, want) {
			t.Errorf("step %d: w, m, v, ema, fixed, 3·fixed, w+m before, w: %v, want %v", step, got, want)
		}
	}
}

// TestInPlaceProducts wants a product with weights that change where they lie to be one with the weights of that step: XNNPACK
// would take those of the first.
func TestInPlaceProducts(t *testing.T) {
	const rows, in, out = 64, 1024, 784
	store := model.NewStore()
	weights := store.RootScope().VariableWithValue("w", tensors.FromFlatDataAndDimensions(slices.Repeat([]float32{1}, in*out), in, out))
	exec, err := model.NewExec(gantest.XLA(t), store, func(_ *model.Scope, x *graph.Node) *graph.Node {
		w := weights.NodeValue(x)
		largest := graph.ReduceAllMax(graph.MatMul(x, w))
		weights.SetNodeValue(graph.Add(w, graph.Sign(largest))) // by 1, once the product is there
		return largest
	})
	if err != nil {
		t.Fatal(err)
	}
	x := tensors.FromFlatDataAndDimensions(slices.Repeat([]float32{1}, rows*in), rows, in)
	for step := range 4 {
		outputs, err := exec.Call(x)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := tensors.ToScalar[float32](outputs[0]), float32(in*(step+1)); got != want {
			t.Errorf("step %d: the product is %g, want %g", step, got, want)
		}
	}
}
