package keepgomlx_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestCells keeps GoMLX's values from cell to cell, each a process of its own, with all that they share.
func TestCells(t *testing.T) {
	for _, name := range []string{"xla:cpu", "go"} {
		t.Run(name, func(t *testing.T) {
			nb := newNotebook(t, []string{"fmt", "gantry.local/gan/device", "github.com/gomlx/compute", "github.com/gomlx/gomlx/core/graph",
				"github.com/gomlx/gomlx/core/tensors", "github.com/gomlx/gomlx/ml/model"}, `
type Node = graph.Node
func double(x *Node) *Node { return graph.MulScalar(x, 2) }
func count(scope *model.Scope, x *Node) *Node {
	v := scope.VariableWithValue("count", float32(10))
	sum := graph.Add(v.NodeValue(x), x)
	v.SetNodeValue(sum)
	return sum
}
type scaled struct{ by float64; of string }
func (s scaled) network(x *Node) *Node { return graph.MulScalar(x, s.by) }
`, "backend compute.Backend", "store *model.Store", "exec *graph.Exec", "counter *model.Exec", "scaling *graph.Exec", "x *tensors.Tensor",
				"same *tensors.Tensor", "weights *tensors.Tensor", "variable *model.Variable", "scope *model.Scope", "both []*graph.Exec", "graphed *graph.Graph")
			nb.run(fmt.Sprintf(`
backend = must(device.Open(%q))
store = model.NewStore()
check(store.SetRNGStateFromSeed(3))
store.SetParam("rate", 0.5)
weights = tensors.FromValue([][]float32{{1, 2}, {3, 4}})
variable = must(store.CreateVariable("/net/weights", weights))
scope = store.Scope("/net")
x = tensors.FromValue([]float32{1, 2, 3}); same = x
exec = graph.MustNewExec(backend, double)
counter = model.MustNewExec(backend, store, count)
scaling = graph.MustNewExec(backend, scaled{3, "three"}.network)
both = []*graph.Exec{exec, scaling}
fmt.Println(must(exec.Call1(x)), must(counter.Call1(float32(1))))
`, name))
			nb.allKept()
			for cell := 2; cell < 5; cell++ {
				out := nb.run(`
if same != x || variable.MustValue() != weights || store.GetVariable("/net/weights") != variable || scope.Store() != store { panic("identity") }
if both[0] != exec || both[1] != scaling { panic("identity of execs") }
rate, _ := store.GetParam("/rate")
fmt.Println(must(exec.Call1(x)).Value(), must(scaling.Call1(x)).Value(), must(counter.Call1(float32(1))).Value(), weights.Value(), rate, backend.Name())
`)
				want := fmt.Sprintf("[2 4 6] [3 6 9] %d [[1 2] [3 4]] 0.5 %s\n", 10+cell, strings.TrimSuffix(name, ":cpu"))
				if out != want {
					t.Errorf("cell %d printed %q, want %q", cell, out, want)
				}
				nb.allKept()
			}
			nb.run(`graphed = graph.NewGraph(backend, "test")`)
			if why := nb.manifest().Value("graphed").Why; !strings.Contains(why, "a graph, which lives while it is built") || nb.manifest().Value("x").Why != "" {
				t.Errorf("a graph is not kept because of: %s", why)
			}
		})
	}
}

// TestTrainer wants 100 steps in each of two cells to be 200 in one, bit for bit, on both backends, with a network that the
// cell itself writes beside the library's, and with a sample and a look in between that change nothing.
func TestTrainer(t *testing.T) {
	for _, name := range []string{"xla:cpu", "go"} {
		t.Run(name, func(t *testing.T) {
			nb := newNotebook(t, []string{"fmt", "context", "os", "bytes", "gantry.local/gan", "gantry.local/gan/data", "gantry.local/gan/device",
				"gantry.local/gan/loss", "gantry.local/gan/net", "gantry.local/gan/recipe", "github.com/gomlx/compute",
				"github.com/gomlx/gomlx/core/graph", "github.com/gomlx/gomlx/ml/model"}, `
type Node = graph.Node
func critic(scope *model.Scope, x *Node) *Node {
	return net.Dense(scope.In("logit"), net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 32), 0.2), 1)
}
func experiment() gan.Experiment {
	exp := recipe.Toy()
	exp.Name, exp.Data, exp.Critic = "kept", data.Subset(data.Ring8().Set(5000, 0), 1000, 1), critic
	exp.EMA, exp.BatchSize = 0.99, 16
	exp.Penalties, exp.PenaltyEvery = []loss.Penalty{loss.R1(0.1), loss.WGANGP(1)}, 3
	exp.CriticAdam.Schedule = gan.Cosine{Steps: 200}
	return exp
}
func train(t *gan.Trainer, n int) (last gan.Progress) {
	for p, err := range t.Train(context.Background(), n) {
		check(err)
		last = p
	}
	last.StepsPerSecond = 0
	return last
}
func state(t *gan.Trainer) []byte {
	dir := must(os.MkdirTemp("", ""))
	defer os.RemoveAll(dir)
	check(t.Save(dir))
	return must(os.ReadFile(t.LastCheckpoint()))
}
`, "backend compute.Backend", "exp gan.Experiment", "trainer *gan.Trainer", "generator *gan.Generator", "images gan.Images", "report gan.Progress")
			nb.run(fmt.Sprintf(`
backend = must(device.Open(%q))
exp = experiment()
trainer = must(gan.NewTrainer(backend, exp))
report = train(trainer, 100)
generator = must(trainer.Generator())
images = must(trainer.Sample(10, 1))
`, name))
			nb.allKept()
			look := nb.run(`
if trainer.Backend() != backend || generator.Backend() != backend { panic("another backend") }
fmt.Println(trainer.Step(), trainer.Settings(), report, fmt.Sprint(must(trainer.Sample(10, 1))) == fmt.Sprint(images), fmt.Sprint(must(generator.Sample(10, 1))) == fmt.Sprint(images))
`)
			if !strings.HasPrefix(look, "100 map[") || !strings.HasSuffix(look, "] true true\n") {
				t.Errorf("after a cell it is %s", look)
			}
			nb.run(`report = train(trainer, 100); fmt.Println(exp.Name)`)
			if out := nb.run(`
whole := must(gan.NewTrainer(must(device.Open(backend.Name())), experiment()))
if got := train(whole, 200); got != report { fmt.Println("reported", report, "and in one", got) }
if !bytes.Equal(state(trainer), state(whole)) { fmt.Println("other states") }
if d := must(exp.Signature()).Differences(must(experiment().Signature())); len(d) > 0 { fmt.Println(d) }
`); out != "" {
				t.Error("100 and 100 steps are not 200:", out)
			}
		})
	}
}

// TestRecipes wants every recipe, kept in one cell, to be the same experiment in a later one that does not mention it.
func TestRecipes(t *testing.T) {
	nb := newNotebook(t, []string{"fmt", "gantry.local/gan", "gantry.local/gan/data", "gantry.local/gan/recipe"}, "",
		"experiments map[string]gan.Experiment", "signatures map[string]gan.Signature", "recipes []recipe.Recipe")
	nb.run(`
recipes = recipe.All()
experiments, signatures = map[string]gan.Experiment{}, map[string]gan.Signature{}
for _, r := range recipes {
	exp := r.Make()
	if exp.Data.Name == data.FashionMNIST().Name { exp.Data = data.MNIST() }
	if exp.Data.Name == data.Faces(data.FacesOptions{N: 20_000}).Name { exp.Data = data.Faces(data.FacesOptions{N: 200}) }
	if exp.Data.Name == data.StackedMNIST(0).Name { exp.Data = data.StackedMNIST(200) }
	experiments[r.Name], signatures[r.Name] = exp, must(exp.Signature())
}
`)
	nb.allKept()
	const same = `
if len(experiments) != len(signatures) || len(experiments) < 20 { panic("lost") }
for name, exp := range experiments {
	if d := must(exp.Signature()).Differences(signatures[name]); len(d) > 0 { fmt.Println(name, d) }
}`
	if out := nb.run(same, "experiments", "signatures"); out != "" {
		t.Error("other experiments:", out)
	}
	if out := nb.run(same + `
for _, r := range recipes { if r.Make().Name != r.Name { fmt.Println(r.Name, "makes", r.Make().Name) } }`); out != "" {
		t.Error("other experiments or recipes:", out)
	}
	nb.allKept()
}

// TestRun wants a run that one cell opened, of an experiment and a network that earlier cells wrote, to be the same run in
// later cells; its process to begin with the variables that the cell began with, and to do so too when it is started again
// by its name alone, from nowhere near the notebook.
func TestRun(t *testing.T) {
	runs := t.TempDir()
	t.Setenv("GANTRY_RUNS", runs)
	t.Setenv("GOMLX_BACKEND", "go")
	nb := newNotebook(t, []string{"fmt", "os", "gantry.local/gan", "gantry.local/gan/net", "gantry.local/gan/recipe", "gantry.local/kernel-ext/lab",
		"github.com/gomlx/gomlx/core/graph", "github.com/gomlx/gomlx/ml/model", "path/filepath"}, `
type Node = graph.Node
func critic(scope *model.Scope, x *Node) *Node { return net.Dense(scope.In("logit"), net.Flatten(x), 1) }
func say(values ...any) { fmt.Fprintln(os.Stderr, append([]any{"»"}, values...)...) }
`, "exp gan.Experiment", "run *lab.Run", "big []byte", "forked *lab.Run")
	said := func(out string) (lines string) {
		for line := range strings.Lines(out) {
			if _, text, found := strings.Cut(line, "» "); found {
				lines += text
			}
		}
		return lines
	}
	nb.run(`exp = recipe.Toy(); exp.Name, exp.Critic, exp.BatchSize = "kept", critic, 16; big = make([]byte, 1<<20); big[5] = 5`)
	defer nb.run(`if _, _, err := lab.EndRun("kept", 5e9); err != nil { panic(err) }; lab.EndRun("fork", 5e9)`, "big")
	nb.run(`
if len(big) != 1<<20 || big[5] != 5 { panic("the run's process begins with other variables than the cell") }
big[5] = 6
run = lab.Open(exp)
check(run.Train(5))
`)
	nb.allKept()
	if out := said(nb.run(`check(run.Train(5)); say(must(run.Status()).Step, run.Name(), big[5])`, "run", "big")); out != "10 kept 6\n" {
		t.Errorf("in a later cell: %s", out)
	}
	if out := said(nb.run(`forked = must(run.Fork("fork", func(e *gan.Experiment) { e.BatchSize = 32 })); check(forked.Train(1)); say(must(forked.Status()).Step)`)); out != "11\n" {
		t.Errorf("its fork: %s", out)
	}
	nb.run(`check(run.Stop())`, "run")
	if out, err := nb.try(`check(run.Train(1))`, "run"); err == nil || !strings.Contains(out, "open it again") {
		t.Errorf("training a run that has ended: %v, %s", err, out)
	}
	nb.values, nb.from = t.TempDir(), "" // another notebook
	if out := said(nb.run(`other := must(lab.Attach("kept")); check(other.Train(1)); say(must(other.Status()).Step)`, "big")); out != "11\n" {
		t.Errorf("attached from another notebook: %s", out)
	}
}
