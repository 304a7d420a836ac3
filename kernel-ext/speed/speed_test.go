package speed

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gantry.local/gan/gantest"
	"gantry.local/gan/lint"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{1, 9, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.of); got != c.want {
			t.Errorf("the median of %v is %g, want %g", c.of, got, c.want)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("nothing has a median")
	}
}

// measured is a report as a measurement of three rounds might make it.
func measured() *Report {
	return &Report{
		Machine: Machine{Processor: "a processor", Cores: 2, System: "linux", When: time.Unix(0, 0).UTC()}, Threads: 2, Rounds: 3, Seconds: 0.5,
		Versions: map[string]string{"Gantry": "1", "JAX": "2"},
		Rows: []Row{{Workload: "ring", Unit: "steps/s", Parameters: 7, Waiting: 0.01,
			Measured: []Measured{
				{Framework: Gantry, Title: "Gantry", Rates: []float64{300, 100, 200}},
				{Framework: "keras", Title: "Keras tf.function", Rates: []float64{90, 90, 90}},
				{Framework: "torch", Title: "torch.compile", Missing: "no compiler"},
				{Framework: "jax", Title: "JAX jit", Rates: []float64{100, 100, 100}},
				{Framework: "jax", Title: "JAX scan", Rates: []float64{200, 400, 100}, Many: true},
			},
			Checks: []Check{{Framework: "Gantry", Losses: []float64{1, 2, 0}}, {Framework: "JAX", Losses: []float64{1.01, 2, 0}}},
		}},
		Firsts: []First{{Workload: "first-mlp", Ways: []Way{{Title: "Gantry, warm", Seconds: []float64{0.4, 0.6, 0.5}, Peaks: []int64{3e8, 1e8, 2e8}}}}},
	}
}

// TestBeside wants the best peer by its median, and the ratios of the rounds.
func TestBeside(t *testing.T) {
	row := measured().Rows[0]
	best, ratios := row.beside(func(Measured) bool { return true })
	if best == nil || best.Title != "JAX scan" || !slices.Equal(ratios, []float64{1.5, 0.25, 2}) {
		t.Errorf("beside %+v: %v", best, ratios)
	}
	best, ratios = row.beside(func(m Measured) bool { return !m.Many })
	if best == nil || best.Title != "JAX jit" || !slices.Equal(ratios, []float64{3, 1, 2}) {
		t.Errorf("of those that make a step a call, beside %+v: %v", best, ratios)
	}
	if worst, found := row.agreement(); !found || math.Abs(worst-0.01) > 1e-9 {
		t.Errorf("the losses differ by %g (%t), want 0.01", worst, found)
	}
	row.Measured = row.Measured[:1]
	if best, _ := row.beside(func(Measured) bool { return true }); best != nil {
		t.Errorf("without peers it is compared with %+v", best)
	}
}

// TestTable looks for the numbers in the report's text, which must survive JSON.
func TestTable(t *testing.T) {
	written, err := json.Marshal(measured())
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := json.Unmarshal(written, &r); err != nil {
		t.Fatal(err)
	}
	r.Unfinished, r.Missing = true, []string{"Keras: it is not installed"}
	r.Roofline = &Roofline{Products: 1e9, Copy: 1e9, Rows: map[string]lint.Cost{"ring": {Products: 1e6, Kept: 2e6, Bytes: 3e6, Nodes: 5}}}
	text := r.String()
	for _, want := range []string{
		"a processor, 2 cores, linux, 1970-01-01. Gantry 1, JAX 2. Medians of 3 interleaved rounds of 0.5 s.",
		"Not measured: Keras: it is not installed.",
		"interrupted",
		"| workload | Gantry | Keras tf.function | torch.compile | JAX jit | JAX scan | against the best | spread |",
		"| ring | 200 | 90.0 | – | 100 | 200 | 1.50 × JAX scan | 0.25–2.00 |",
		"ring: 2.00 × JAX jit, the best of those that make a step a call as Gantry does.",
		"ring, torch.compile: no compiler.",
		"| ring | 7 | Gantry 1 2 0; JAX 1.01 2 0 | 1e-02: **not the same step** |",
		"| ring | 0.001 | 2 | 3 | 2 | 5 | 40 % |",
		"| first-mlp | Gantry, warm | 0.50 | 0.40–0.60 | 200 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

// TestJoin joins reports of parts, in the order of the workloads.
func TestJoin(t *testing.T) {
	other := measured()
	other.Rows[0].Workload, other.Firsts, other.Versions = "mlp", nil, map[string]string{"PyTorch": "3"}
	again := measured()
	again.Rows[0].Parameters = 8
	whole, err := Join(measured(), other, again)
	if err != nil || len(whole.Rows) != 2 || whole.Rows[0].Workload != "mlp" || whole.Rows[1].Parameters != 8 || len(whole.Firsts) != 1 || len(whole.Versions) != 3 {
		t.Errorf("joined to %+v (%v)", whole, err)
	}
	for _, change := range []func(r *Report){
		func(r *Report) { r.Machine.Processor = "another" }, func(r *Report) { r.Threads = 1 }, func(r *Report) { r.Versions["JAX"] = "3" },
	} {
		strange := measured()
		change(strange)
		if _, err := Join(measured(), strange); err == nil {
			t.Errorf("joined with %+v", strange)
		}
	}
}

// TestWorkloads wants every workload to be one that peers can be told.
func TestWorkloads(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range All() {
		if seen[w.Name] || w.About == "" {
			t.Errorf("workload %q is there twice, or nothing is said of it", w.Name)
		}
		seen[w.Name] = true
		if w.exp == nil {
			continue
		}
		images, err := w.experiment().Data.Load()
		if err != nil {
			t.Fatal(err)
		}
		told, err := w.forPeers(images, "path")
		if err != nil || told.Order == "" || told.Batch == 0 || told.Data.N != images.N || told.Adam.Rate == 0 {
			t.Errorf("workload %s is told as %+v (%v)", w.Name, told, err)
		}
	}
	w, err := Named("wgan-gp")
	if err != nil {
		t.Fatal(err)
	}
	images, err := w.experiment().Data.Load()
	if err != nil {
		t.Fatal(err)
	}
	told, err := w.forPeers(images, "path")
	if err != nil || told.CriticSteps != 5 || told.Loss != "wasserstein" || len(told.Penalties) != 1 || told.Penalties[0] != (penalty{"wgan-gp", 10}) ||
		told.Adam.Beta1 != 0 {
		t.Errorf("wgan-gp is told as %+v (%v)", told, err)
	}
	if _, err := Named("none"); err == nil {
		t.Error("there is a workload none")
	}
}

// TestAnswer has a conversation with this project's own side, on the Go backend.
func TestAnswer(t *testing.T) {
	folder := t.TempDir()
	ring := &work{Name: "ring"}
	var in bytes.Buffer
	for _, q := range []question{
		{Do: "hello"}, {Do: "measure", Work: ring, Seconds: 0.01}, {Do: "prepare", Work: ring}, {Do: "measure", Work: ring, Seconds: 0.01},
		{Do: "check", Work: ring, Folder: folder}, {Do: "run", Work: ring, Steps: 2}, {Do: "forget", Work: ring}, {Do: "measure", Work: ring, Seconds: 0.01},
		{Do: "prepare", Work: &work{Name: "none"}}, {Do: "sing", Work: ring}, {Do: "prepare"},
	} {
		if err := json.NewEncoder(&in).Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	io.WriteString(&in, "no question\n")
	var out bytes.Buffer
	if err := Answer(t.Context(), "go", &in, &out); err != nil {
		t.Fatal(err)
	}
	var answers []answer
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var a answer
		if err := decoder.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != 12 {
		t.Fatalf("%d answers to 12 questions: %+v", len(answers), answers)
	}
	for i, wrong := range []bool{false, true, false, false, false, false, false, true, true, true, true, true} {
		if (answers[i].Error != "") != wrong {
			t.Errorf("answer %d is %+v", i, answers[i])
		}
	}
	if a := answers[3]; a.Count < 1 || a.Seconds <= 0 {
		t.Errorf("measured %+v", a)
	}
	if a := answers[4]; len(a.Losses) != 3 || a.Losses[0] <= 0 {
		t.Errorf("checked %+v", a)
	}
	for _, name := range []string{latentsFile, batchFile, "generator.safetensors", "critic.safetensors"} {
		if info, err := os.Stat(folder + "/" + name); err != nil || info.Size() == 0 {
			t.Errorf("the check left no %s (%v)", name, err)
		}
	}
}

// TestCostOf wants the article's step to cost what its layers do: more than the sum of its products, forward and backward, of the
// critic's second convolution alone, and not twice of all.
func TestCostOf(t *testing.T) {
	w, err := Named("article-32")
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.costOf(gantest.Go(t))
	if err != nil {
		t.Fatal(err)
	}
	second := 2.0 * 32 * 11 * 11 * 9 * 64 * 128 // its direct convolution of a batch
	if passes := c.Products / second; passes < 8 || passes > 14 {
		t.Errorf("a step costs %.1f of the second convolution's (%+v): forward, by the kernel and by the image for three batches are 9", passes, c)
	}
}
