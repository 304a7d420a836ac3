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
				"gantry.local/gan/loss", "gantry.local/gan/method", "gantry.local/gan/net", "gantry.local/gan/optim", "gantry.local/gan/recipe",
				"gantry.local/gan/sample", "gantry.local/gan/train", "github.com/gomlx/compute",
				"github.com/gomlx/gomlx/core/graph", "github.com/gomlx/gomlx/ml/model"}, `
type Node = graph.Node
func critic(scope *model.Scope, x *Node) *Node {
	return net.Dense(scope.In("logit"), net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 32), 0.2), 1)
}
func experiment() gan.Experiment {
	exp := recipe.Toy()
	exp.Name, exp.Data, exp.Critic = "kept", data.Subset(data.Ring8().Set(5000, 0), 1000, 1), critic
	exp.Optimizers.EMA, exp.BatchSize = 0.99, 16
	exp.Penalties, exp.Method = []loss.Penalty{loss.R1(0.1), loss.WGANGP(1)}, method.Alternating{PenaltyEvery: 3}
	exp.Optimizers.Critic = optim.Scheduled{Of: exp.Optimizers.Critic, Schedule: optim.Cosine{Steps: 200}}
	return exp
}
func steps(t *train.Trainer, n int) (last train.Progress) {
	for p, err := range t.Train(context.Background(), n) {
		check(err)
		last = p
	}
	last.StepsPerSecond = 0
	return last
}
func state(t *train.Trainer) []byte {
	dir := must(os.MkdirTemp("", ""))
	defer os.RemoveAll(dir)
	check(t.Save(dir))
	return must(os.ReadFile(t.LastCheckpoint()))
}
`, "backend compute.Backend", "exp gan.Experiment", "trainer *train.Trainer", "generator *train.Generator", "images sample.Images", "report train.Progress")
			nb.run(fmt.Sprintf(`
backend = must(device.Open(%q))
exp = experiment()
trainer = must(gan.NewTrainer(backend, exp))
report = steps(trainer, 100)
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
			nb.run(`report = steps(trainer, 100); fmt.Println(exp.Name)`)
			if out := nb.run(`
whole := must(gan.NewTrainer(must(device.Open(backend.Name())), experiment()))
if got := steps(whole, 200); fmt.Sprint(got.Numbers) != fmt.Sprint(report.Numbers) || got.Step != report.Step { fmt.Println("reported", report, "and in one", got) }
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
	nb := newNotebook(t, []string{"fmt", "gantry.local/gan", "gantry.local/gan/data", "gantry.local/gan/lint", "gantry.local/gan/recipe"}, "",
		"experiments map[string]gan.Experiment", "signatures map[string]lint.Signature", "recipes []recipe.Recipe")
	nb.run(`
recipes = recipe.All()
experiments, signatures = map[string]gan.Experiment{}, map[string]lint.Signature{}
for _, r := range recipes {
	exp, is := r.Make().(gan.Experiment)
	if !is { continue }
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
for _, r := range recipes { if name := must(r.Make().Game()).Name; name != r.Name { fmt.Println(r.Name, "makes", name) } }`); out != "" {
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

// TestLargeTensor wants a large tensor to lie in a file of its own that is written only where the tensor has changed.
func TestLargeTensor(t *testing.T) {
	nb := newNotebook(t, []string{"fmt", "github.com/gomlx/compute/dtypes", "github.com/gomlx/compute/shapes", "github.com/gomlx/gomlx/core/tensors"}, "",
		"large *tensors.Tensor", "sum float32")
	blocks := func() (files []string) {
		for _, b := range nb.manifest().Clusters[nb.manifest().Value("large").Cluster].Blocks {
			files = append(files, b.File)
		}
		return files
	}
	nb.run(`large = tensors.FromShape(shapes.Make(dtypes.Float32, 1000, 1000)); tensors.MutableFlatData(large, func(x []float32) { for i := range x { x[i] = 1 } })`)
	first := blocks()
	const add = `sum = 0; check(tensors.ConstFlatData(large, func(x []float32) { for _, v := range x { sum += v } })); fmt.Println(sum, large.Shape())`
	const want = "1e+06 (Float32)[1000, 1000]\n"
	if out := nb.run(add); out != want || len(first) != 1 || blocks()[0] != first[0] {
		t.Errorf("read alone, %q lies in %v and then in %v", out, first, blocks())
	}
	nb.run(`check(tensors.MutableFlatData(large, func(x []float32) { x[7] = 3; x[999] = -1 }))`)
	if changed := blocks(); len(changed) != 1 || changed[0] == first[0] {
		t.Errorf("changed, it lies in %v as in %v", changed, first)
	}
	if out := nb.run(add); out != want {
		t.Errorf("changed and kept, its sum is %q", out)
	}
}

// TestValues wants what else of the library a notebook holds in a variable to be the same in the next cell, which mentions
// none of it.
func TestValues(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go")
	values := []struct{ name, typ, made, text string }{ // in the order in which they are made; text says what one is
		{"loss_", "loss.Loss", `loss.Smoothed{RealLabel: 0.8}`, `loss_.String()`},
		{"penalties", "[]loss.Penalty", `loss.Penalties()`, `fmt.Sprint(penalties)`},
		{"losses", "[]loss.Loss", `loss.All()`, `fmt.Sprint(losses)`},
		{"schedules", "[]optim.Schedule", `[]optim.Schedule{optim.Cosine{Steps: 9}, optim.Linear{}, optim.Warmup{Steps: 3}}`, `fmt.Sprint(schedules, schedules[0].Factor(3))`},
		{"augment", "method.Augmentation", `net.DiffAugment{Cutout: 0.25}`, `augment.String()`},
		{"adapt", "method.Adaptation", `net.Adaptive{Speed: 9}`, `fmt.Sprint(adapt, adapt.Next(0.5, 1, 3))`},
		{"networks", "net.DCGAN", `net.DCGAN{Width: 4}`, `fmt.Sprint(networks)`},
		{"network", "gan.Network", `net.Sequence{Steps: 8}.Generator`, `fmt.Sprint(network != nil)`},
		{"finding", "[]lint.Finding", `recipe.Toy().Check()`, `fmt.Sprint(finding)`},
		{"patience", "*train.Patience", `&train.Patience{}`, `patience.String()`},
		{"signature", "lint.Signature", `must(recipe.Toy().Signature())`, `fmt.Sprint(signature)`},
		{"digits", "data.Set", `data.OfClasses(data.MNISTTest(), 3, 1)`, `fmt.Sprint(digits.Name, must(digits.Load()).N)`},
		{"unread", "data.Set", `data.Faces(data.FacesOptions{N: 9})`, `fmt.Sprint(unread.Name, must(unread.Load()).Labels)`},
		{"album", "data.Set", `data.Folder("/nowhere", data.FolderOptions{Stream: true})`, `func() string { _, err := album.Open(); return fmt.Sprint(album.Name, err) }()`},
		{"images", "*sample.Images", `must(digits.Load())`, `fmt.Sprint(images.N, images.Pixels[3000:3100], images == must(digits.Load()))`},
		{"own", "data.Set", `data.Of("own", &sample.Images{Values: []float32{1, 2}, N: 2, Height: 1, Width: 1, Channels: 1})`, `fmt.Sprint(own.Name, *must(own.Load()))`},
		{"half", "data.Set", `func() data.Set { a, _ := data.Split(own, 0.5, 1); return a }()`, `fmt.Sprint(half.Name, *must(half.Load()))`},
		{"mixture", "data.Mixture", `data.Ring8()`, `fmt.Sprint(mixture)`},
		{"pictures", "sample.Images", `images.Part(0, 4).Seen()`, `fmt.Sprint(pictures.Values[300:400])`},
		{"extractor", "*metric.Classifier", `must(metric.Open(must(device.Open("go")), metric.MNIST1))`, `fmt.Sprint(extractor.Name(), must(extractor.Features(pictures)).Values[:4])`},
		{"features", "metric.Features", `must(extractor.Features(pictures))`, `fmt.Sprint(features.Values[:9], features.D)`},
		{"monitor", "*metric.Monitor", `must(metric.NewMonitor(pictures, extractor))`, `fmt.Sprint(must(monitor.Look(pictures, metric.Vitals{})))`},
		{"path", "latent.Path", `latent.Spherical`, `fmt.Sprint(path([]float32{1, 0}, []float32{0, 1}, 0.5))`},
		{"restorer", "*train.Trainer", `must(train.New(must(device.Open("go")), translate.Experiment{Data: digits, Degrade: translate.Noise{Sigma: 0.5}, Network: net.Restorer, BatchSize: 2}))`,
			`fmt.Sprint(restorer.Step(), must(restorer.Apply(translate.NetworkName, pictures)).Values[400:404])`},
		{"study_", "study.Study", `must(study.Named("ring"))`, `study_.Name + study_.About`},
	}
	imports := []string{"fmt", "gantry.local/gan", "gantry.local/gan/data", "gantry.local/gan/device", "gantry.local/gan/latent", "gantry.local/gan/lint",
		"gantry.local/gan/loss", "gantry.local/gan/method", "gantry.local/gan/metric", "gantry.local/gan/net", "gantry.local/gan/optim", "gantry.local/gan/recipe",
		"gantry.local/gan/sample", "gantry.local/gan/study", "gantry.local/gan/train", "gantry.local/gan/translate"}
	vars := []string{"texts map[string]string"}
	made, told, same := "texts = map[string]string{}\n", "", ""
	for _, v := range values {
		vars = append(vars, v.name+" "+v.typ)
		made += v.name + " = " + v.made + "\n"
		if v.name != "unread" { // which stays so for a cell
			told += fmt.Sprintf("texts[%q] = %s\n", v.name, v.text)
		}
		same += fmt.Sprintf("if got, was := %s, texts[%q]; got != was && was != \"\" { fmt.Println(%q, \"is\", got, \"and was\", was) }\n", v.text, v.name, v.name)
	}
	nb := newNotebook(t, imports, "", vars...)
	nb.run(made + told)
	nb.allKept()
	for range 2 {
		if out := nb.run(same); out != "" {
			t.Error(out)
		}
		nb.allKept()
	}
}
