package recipe_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
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
		for _, finding := range r.Make().Check() {
			t.Errorf("%s: %v", r.Name, finding)
		}
	}
}

// TestTrain runs two steps of every recipe on MNIST and draws samples.
func TestTrain(t *testing.T) {
	backend := gantest.XLA(t)
	for _, r := range recipe.All() {
		t.Run(r.Name, func(t *testing.T) {
			exp := r.Make()
			exp.BatchSize = 8
			trainer, err := gan.NewTrainer(backend, exp)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := trainer.StepsPerEpoch(), 60_000/8; got != want {
				t.Errorf("%d steps per epoch, want %d", got, want)
			}
			steps := 0
			for p, err := range trainer.Train(context.Background(), 2) {
				if err != nil {
					t.Fatal(err)
				}
				if steps++; p.Step != steps || !(math.Abs(p.CriticLoss) < 10) || !(math.Abs(p.GeneratorLoss) < 10) {
					t.Errorf("step %d reports %+v", steps, p)
				}
			}
			if steps != 2 {
				t.Errorf("%d steps were done, want 2", steps)
			}
			images, err := trainer.Sample(3, 1)
			if err != nil || images.N != 3 || images.H != 28 || images.W != 28 || images.C != 1 {
				t.Errorf("3 samples are %d of %d×%d×%d, error %v", images.N, images.H, images.W, images.C, err)
			}
		})
	}
}
