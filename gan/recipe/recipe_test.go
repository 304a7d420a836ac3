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
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/gan/recipe"
	"gantry.local/gan/train"
)

func TestNamed(t *testing.T) {
	for _, r := range recipe.All() {
		of, err := recipe.Named(r.Name)
		if err != nil {
			t.Fatal(err)
		}
		if game, err := of.Game(); err != nil || game.Name != r.Name {
			t.Errorf("Named(%q) is a game called %q, error %v", r.Name, game.Name, err)
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
		for _, finding := range lint.CheckOf(installed(t, r.Make())) {
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
			t.Run(r.Name+" on XLA", func(t *testing.T) { try(t, gantest.XLA(t), installed(t, r.Make())) })
		}
	}
}

// installed returns the description on data that set-up installs.
func installed(t testing.TB, of method.Description) method.Description {
	if exp, is := of.(gan.Experiment); is && exp.Data.Name == data.FashionMNIST().Name {
		exp.Data = gantest.Fashion(t)
		return exp
	}
	return of
}

func try(t *testing.T, backend compute.Backend, of method.Description) {
	size := 2
	if exp, is := of.(gan.Experiment); is {
		size *= max(exp.View.Pack, 1)
	}
	of, err := method.With(of, method.Choice{BatchSize: size})
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := train.New(backend, of)
	if err != nil {
		t.Fatal(err)
	}
	images, err := trainer.Game().Data[0].Load()
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for p, err := range trainer.Train(t.Context(), 2) {
		if err != nil {
			t.Fatal(err)
		}
		if steps++; p.Step != steps {
			t.Errorf("step %d is said to be step %d", steps, p.Step)
		}
		for _, n := range p.Numbers {
			sampled := n.Name == trainer.Game().Sampler.Network+" gradient"
			if strings.HasSuffix(n.Name, " loss") && !(math.Abs(n.Value) < 100) || sampled && n.Value == 0 {
				t.Errorf("step %d reports %s %g", steps, n.Name, n.Value)
			}
		}
	}
	if steps != 2 {
		t.Errorf("%d steps were done, want 2", steps)
	}
	if trainer.Game().Sampler.Network == "" {
		return
	}
	drawn, err := trainer.Sample(3, 1)
	if err != nil || drawn.N != 3 || drawn.Height != images.Height || drawn.Width != images.Width || drawn.Channels != images.Depth() {
		t.Errorf("3 samples are %d of %d×%d×%d, error %v; the data is %d×%d×%d", drawn.N, drawn.Height, drawn.Width, drawn.Channels, err,
			images.Height, images.Width, images.Depth())
	}
}
