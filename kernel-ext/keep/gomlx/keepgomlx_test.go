package keepgomlx

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"gantry.local/gan/gantest"
	"gantry.local/kernel-ext/keep"
)

// kept is the stand-in of a value, by the adapter of its type.
func kept(value any) (any, error) {
	for _, f := range Adapters() {
		if a := f.(keep.Adapter); a.Type == reflect.TypeOf(value) {
			return a.Kept(value)
		}
	}
	return nil, fmt.Errorf("no adapter for %T", value)
}

// again is a value after a notebook has kept it, in the same process.
func again[T any](t testing.TB, value T) T {
	t.Helper()
	standIn, err := kept(value)
	if err != nil {
		t.Fatal(err)
	}
	restored, err := standIn.(interface{ Restored() (any, error) }).Restored()
	if err != nil {
		t.Fatal(err)
	}
	return restored.(T)
}

func bytesOf(t testing.TB, of *tensors.Tensor) (content []byte) {
	t.Helper()
	if err := of.ConstBytes(func(data []byte) { content = slices.Clone(data) }); err != nil {
		t.Fatal(err)
	}
	return content
}

// TestTensors wants tensors of all dtypes and of no, one and several axes back with their bits, from this process' memory and
// from a device's.
func TestTensors(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, dtype := range []dtypes.DType{dtypes.Bool, dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64, dtypes.Uint8,
			dtypes.Uint16, dtypes.Uint32, dtypes.Uint64, dtypes.Float16, dtypes.BFloat16, dtypes.Float32, dtypes.Float64,
			dtypes.Complex64, dtypes.Complex128, dtypes.Int4, dtypes.Uint4, dtypes.Int2, dtypes.Uint2} {
			for _, dims := range [][]int{nil, {3}, {0}, {2, 3, 4}, {70_000}} {
				name := fmt.Sprint(dtype, dims)
				want := tensors.FromShape(shapes.Make(dtype, dims...))
				if err := want.MutableBytes(func(data []byte) {
					for i := range data {
						data[i] = byte(i*37 + 11)
						if dtype == dtypes.Bool {
							data[i] &= 1
						}
					}
				}); err != nil {
					t.Fatal(name, err)
				}
				content := bytesOf(t, want)
				if dtype.Bits() >= 8 && len(content) > 0 {
					if err := want.MaterializeOnDevice(backend, false, 0); err != nil {
						t.Fatal(name, err)
					}
					want.FinalizeLocal()
				}
				got := again(t, want)
				if len(content) >= largeTensor && dtype.Bits() >= 8 && must(kept(want)).(keptTensor).inPlace() == nil {
					t.Errorf("%s: this version of GoMLX has other tensors, so large ones are copied", name)
				}
				if !got.Shape().Equal(want.Shape()) || !bytes.Equal(bytesOf(t, got), content) {
					t.Errorf("%s: %s of other bits", name, got.Shape())
				}
			}
		}
		large := tensors.FromShape(shapes.Make(dtypes.Float32, 100_000))
		first := again(t, large)
		must(0, first.MutableBytes(func(data []byte) { data[7] = 0x40 })) // it shares memory, which package keep has copied in between
		second := again(t, first)
		exec := graph.MustNewExec(backend, double)
		if got := tensors.MustCopyFlatData[float32](must(exec.Call1(second))); len(got) != 100_000 || got[0] != 0 || got[1] != 4 {
			t.Errorf("doubled, a restored tensor begins with %v", got[:3])
		}
		second.MustFinalizeAll()
		finalized := tensors.FromValue(1)
		finalized.MustFinalizeAll()
		if _, err := kept(finalized); err == nil || !strings.Contains(err.Error(), "finalized") {
			t.Errorf("a finalized tensor: %v", err)
		}
	})
}

// TestStore wants a store's variables in their order, hyperparameters, random state and tensors back.
func TestStore(t *testing.T) {
	backend := gantest.Go(t)
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(7); err != nil {
		t.Fatal(err)
	}
	store.SetParam("rate", 1e-3)
	store.SetParam("/deep/er/name", "adam")
	store.SetParam("/deep/list", []int{1, 2})
	weights := tensors.FromValue([][]float32{{1, 2}, {3, 4}})
	w, err := store.CreateVariable("/net/weights", weights)
	if err != nil {
		t.Fatal(err)
	}
	count, err := store.CreateVariable("/net/count", tensors.FromScalar(int64(5)))
	if err != nil {
		t.Fatal(err)
	}
	count.SetTrainable(false)
	store.VariableWithShape("/not/yet", shapes.Make(dtypes.Float32, 2), initializer.One)

	got := again(t, store)
	want := []string{"/" + model.RNGStateVariableName, "/net/weights", "/net/count"}
	var paths []string
	for v := range got.IterVariables() {
		paths = append(paths, v.Path())
		if was := store.GetVariable(v.Path()); v.Trainable != was.Trainable || v.MustValue() != was.MustValue() {
			t.Errorf("%s is trainable %v, or has another tensor", v.Path(), v.Trainable)
		}
	}
	if !slices.Equal(paths, want) {
		t.Errorf("variables %v, want %v", paths, want)
	}
	for path, want := range map[string]any{"/rate": 1e-3, "/deep/er/name": "adam", "/deep/list": []int{1, 2}} {
		if value, found := got.GetParam(path); !found || !reflect.DeepEqual(value, want) {
			t.Errorf("%s is %v, want %v", path, value, want)
		}
	}
	if v := again(t, w); v != w {
		t.Error("a variable is another one of its store")
	}
	if s := again(t, store.Scope("/net")); s.Scope() != "/net" || s.Store() != store || s.GetVariable("weights") != w {
		t.Errorf("the scope is %s", s.Scope())
	}
	if _, err := kept(store.RootScope().WithInitializer(initializer.One)); err == nil {
		t.Error("a scope with an initializer of its own was kept without it")
	}
	// What the next variable is drawn as depends on the random state, and on nothing else.
	draw := func(s *model.Store) []float32 {
		s.GetVariable("/net/weights")
		v := s.VariableWithShape("/later", shapes.Make(dtypes.Float32, 3), model.DefaultInitializer(s))
		if err := s.InitializeVariables(backend, nil); err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float32](v.MustValue())
	}
	twin := again(t, got)
	if a, b := draw(got), draw(twin); !slices.Equal(a, b) {
		t.Errorf("the kept random states draw %v and %v", a, b)
	}
}

// TestBackends wants each kind of backend again, as it was set.
func TestBackends(t *testing.T) {
	xla := gantest.XLA(t)
	got := again(t, xla)
	defer got.Finalize()
	if got == xla || got.Name() != xla.Name() || got.Description() != xla.Description() {
		t.Errorf("%s became %s", xla.Description(), got.Description())
	}
	pure := gantest.Go(t)
	if got := gantest.Again(t, pure); got.Description() != pure.Description() {
		t.Errorf("%s became %s", pure.Description(), got.Description())
	}
	stock, err := gobackend.New("ops_sequential,creation_order")
	if err != nil {
		t.Fatal(err)
	}
	_, _, pool, err := settingsOf(stock)
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxParallelism(3)
	copied := again(t, stock)
	if a, b := settingsText(t, stock), settingsText(t, copied); a != b {
		t.Errorf("settings %s became %s", a, b)
	}
	stock.Finalize()
	if _, err := kept(stock); err == nil || !strings.Contains(err.Error(), "finalized") {
		t.Errorf("a finalized backend: %v", err)
	}
}

func settingsText(t *testing.T, b compute.Backend) string {
	t.Helper()
	execution, schedule, pool, err := settingsOf(b)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(execution, schedule, pool.MaxParallelism())
}

func double(x *graph.Node) *graph.Node { return graph.MulScalar(x, 2) }

// TestGraphExec wants graph functions of many forms to compute the same after their Exec was kept, twice.
func TestGraphExec(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		x, y := []float32{1, 2}, []float32{3, 5}
		factor := 3.0
		cases := map[string]struct {
			exec   *graph.Exec
			inputs []any
		}{
			"one":       {graph.MustNewExec(backend, double), []any{x}},
			"captured":  {graph.MustNewExec(backend, func(x *graph.Node) *graph.Node { return graph.MulScalar(x, factor) }), []any{x}},
			"two":       {graph.MustNewExec(backend, func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) }), []any{x, y}},
			"two, two":  {graph.MustNewExec(backend, func(x, y *graph.Node) (a, b *graph.Node) { return graph.Add(x, y), graph.Sub(x, y) }), []any{x, y}},
			"graph":     {graph.MustNewExec(backend, func(g *graph.Graph) *graph.Node { return graph.Const(g, x) }), nil},
			"slices":    {graph.MustNewExec(backend, func(in []*graph.Node) []*graph.Node { return []*graph.Node{in[1], in[0]} }), []any{x, y}},
			"all":       {graph.MustNewExec(backend, func(g *graph.Graph, in []*graph.Node) *graph.Node { return graph.Add(in[0], graph.Const(g, y)) }), []any{x}},
			"canonical": {must(graph.NewExecCanonical(backend, func(_ *graph.Graph, in []*graph.Node) []*graph.Node { return in }, 1, 1, false, false, false)), []any{x}},
		}
		for name, c := range cases {
			c.exec.WithName("exec " + name).SetMaxCache(5)
			want := results(t, must(c.exec.Call(c.inputs...)))
			once := again(t, c.exec)
			twice := again(t, once)
			for _, got := range []*graph.Exec{once, twice} {
				if values := results(t, must(got.Call(c.inputs...))); values != want || got.Name() != "exec "+name {
					t.Errorf("%s: %s gives %s, want %s", name, got.Name(), values, want)
				}
			}
		}
		finalized := graph.MustNewExec(backend, double)
		finalized.Finalize()
		if _, err := kept(finalized); err == nil {
			t.Error("a finalized Exec was kept")
		}
		logging := graph.MustNewExec(backend, double)
		logging.SetNodeLogger(func(*graph.Graph, []string, []*tensors.Tensor, []graph.NodeId) {})
		if _, err := kept(logging); err == nil || !strings.Contains(err.Error(), "logger") {
			t.Errorf("an Exec with a logger: %v", err)
		}
	})
}

// TestModelExec wants graph functions with a scope to find their variables after their Exec was kept, and to change them.
func TestModelExec(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store := model.NewStore()
		count := model.MustNewExec(backend, store, func(scope *model.Scope, x *graph.Node) *graph.Node {
			v := scope.VariableWithValue("count", float32(10))
			sum := graph.Add(v.NodeValue(x), x)
			v.SetNodeValue(sum)
			return sum
		})
		none := model.MustNewExec(backend, store, func(scope *model.Scope, g *graph.Graph) {
			v := scope.VariableWithValue("other", float32(1))
			v.SetNodeValue(graph.MulScalar(v.NodeValue(g), 2))
		})
		for i, want := range []float32{12, 14, 16} {
			if got := must(count.Call1(float32(2))).Value(); got != want {
				t.Errorf("call %d gives %v, want %g", i, got, want)
			}
			if _, err := none.Call(); err != nil {
				t.Fatal(err)
			}
			count, none = again(t, count), again(t, none)
		}
		if got := store.GetVariable("/other").MustValue().Value(); got != float32(8) {
			t.Errorf("doubled three times, 1 is %v", got)
		}
	})
}

// TestNever wants one line of what cannot be kept.
func TestNever(t *testing.T) {
	g := graph.NewGraph(gantest.Go(t), "test")
	defer g.Finalize()
	for _, value := range []any{g, graph.Const(g, 1)} {
		if _, err := kept(value); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%T: %v", value, err)
		}
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func results(t testing.TB, out []*tensors.Tensor) string {
	t.Helper()
	var values []any
	for _, tensor := range out {
		values = append(values, tensor.Value())
	}
	return fmt.Sprint(values...)
}
