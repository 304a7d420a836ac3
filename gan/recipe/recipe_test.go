package recipe_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/method"
	"gantry.local/gan/recipe"
)

func TestNamed(t *testing.T) {
	for _, r := range recipe.All() {
		exp, err := recipe.Named(r.Name)
		if err != nil || exp.Name != r.Name {
			t.Errorf("Named(%q) is experiment %q, error %v", r.Name, exp.Name, err)
		}
		if r.About == "" || strings.Contains(r.About, "\n") {
			t.Errorf("%s: About is %q, want one line", r.Name, r.About)
		}
	}
	_, err := recipe.Named("gan")
	if err == nil || !strings.HasPrefix(err.Error(), `unknown recipe "gan": use one of article, article-packed, mlp, dcgan, `) {
		t.Errorf("error %v, want one that lists the recipes", err)
	}
}

// TestCheck wants every recipe to pass its own linter.
func TestCheck(t *testing.T) {
	for _, r := range recipe.All() {
		for _, finding := range installed(t, r.Make()).Check() {
			t.Errorf("%s: %v", r.Name, finding)
		}
	}
}

// TestTrain runs two steps of every recipe on its own data, on the pure Go backend, which compiles nothing, and of some on
// XLA; and draws samples.
func TestTrain(t *testing.T) {
	onXLA := []string{"article", "dcgan", "rsgan", "acgan", "phrases"}
	for _, r := range recipe.All() {
		t.Run(r.Name, func(t *testing.T) { try(t, gantest.Go(t), installed(t, r.Make())) })
		if slices.Contains(onXLA, r.Name) {
			t.Run(r.Name+" on XLA", func(t *testing.T) { try(t, gantest.XLA(t), r.Make()) })
		}
	}
}

// installed returns the experiment on data that set-up installs.
func installed(t testing.TB, exp gan.Experiment) gan.Experiment {
	if exp.Data.Name == data.FashionMNIST().Name {
		exp.Data = gantest.Fashion(t)
	}
	return exp
}

func try(t *testing.T, backend compute.Backend, exp gan.Experiment) {
	exp.BatchSize = 2 * max(exp.View.Pack, 1)
	trainer, err := gan.NewTrainer(backend, exp)
	if err != nil {
		t.Fatal(err)
	}
	images, err := exp.Data.Load()
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for p, err := range trainer.Train(t.Context(), 2) {
		if err != nil {
			t.Fatal(err)
		}
		if steps++; p.Step != steps || !(math.Abs(p.Value(method.CriticLoss)) < 100) || !(math.Abs(p.Value(method.GeneratorLoss)) < 100) || p.Value(method.GeneratorGradient) == 0 {
			t.Errorf("step %d reports %+v", steps, p)
		}
	}
	if steps != 2 {
		t.Errorf("%d steps were done, want 2", steps)
	}
	drawn, err := trainer.Sample(3, 1)
	if err != nil || drawn.N != 3 || drawn.Height != images.Height || drawn.Width != images.Width || drawn.Channels != images.Depth() {
		t.Errorf("3 samples are %d of %d×%d×%d, error %v; the data is %d×%d×%d", drawn.N, drawn.Height, drawn.Width, drawn.Channels, err,
			images.Height, images.Width, images.Depth())
	}
}
