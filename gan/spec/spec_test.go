package spec_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/lint"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/recipe"
	"gantry.local/gan/spec"
)

// shapes are those of the recipes' data, which need not be read for a signature.
func shapeOf(t *testing.T, exp gan.Experiment) lint.DataShape {
	t.Helper()
	s := lint.DataShape{Name: exp.Data.Name, N: 60000, Height: 28, Width: 28, Depth: 1, Classes: 10, Labels: true}
	switch exp.Name {
	case "toy", "toy-packed", "toy-r1r2", "toy-unrolled", "toy-topk":
		s.Height, s.Width, s.Depth, s.Labels, s.Classes = 1, 1, 2, false, 0
	case "sines":
		s.Height, s.Width, s.Labels, s.Classes = 32, 1, false, 0
	case "phrases":
		s.Height, s.Width, s.Depth, s.Alphabet, s.Labels, s.Classes = 16, 1, 23, true, false, 0
	case "faces", "r3gan-faces":
		s.Height, s.Width, s.Depth = 32, 32, 3
	case "faces-64":
		s.Height, s.Width, s.Depth = 64, 64, 3
	case "stacked", "stacked-r1":
		s.Depth, s.Classes = 3, 1000
	}
	return s
}

// TestIdentity wants each recipe that is an experiment to be the same again by its spec, and by the text of it.
func TestIdentity(t *testing.T) {
	tried := 0
	for _, r := range recipe.All() {
		exp, is := r.Make().(gan.Experiment)
		if !is {
			continue
		}
		tried++
		exp.Seed = 7
		on := shapeOf(t, exp)
		want, err := exp.SignatureOn(on)
		if err != nil {
			t.Fatal(r.Name, err)
		}
		s, err := spec.Of(exp, on)
		if err != nil {
			t.Errorf("%s: %v; are its networks in networks()?", r.Name, err)
			continue
		}
		again, err := spec.Parse([]byte(s.String()))
		if err != nil {
			t.Errorf("%s: %v of\n%s", r.Name, err, s)
			continue
		}
		made, err := again.Experiment()
		if err != nil {
			t.Errorf("%s: %v of\n%s", r.Name, err, s)
			continue
		}
		got, err := made.SignatureOn(on)
		if err != nil || len(got.Differences(want)) > 0 || made.Data.Name != exp.Data.Name || made.Name != exp.Name {
			t.Errorf("%s became another: %v, %v\n%s", r.Name, got.Differences(want), err, s)
		}
	}
	if tried < 20 {
		t.Errorf("%d recipes were tried", tried)
	}
}

// TestKeys wants each key to do what it says, alone on a recipe.
func TestKeys(t *testing.T) {
	adam := optim.NewAdam(5e-4, 0.5, 0.999)
	tried := map[string]bool{spec.Recipe: true}
	for _, c := range []struct {
		key, value string
		want       func(e gan.Experiment) bool
	}{
		{"name", "other", func(e gan.Experiment) bool { return e.Name == "other" }},
		{"data", "fashion-mnist", func(e gan.Experiment) bool { return e.Data.Name == "fashion-mnist" }},
		{"generator", "conditional-dcgan width 8", func(e gan.Experiment) bool { return e.Generator == nil && e.View.ClassGenerator != nil }},
		{"critic", "conv", func(e gan.Experiment) bool { return e.Critic != nil && e.View.ClassCritic == nil }},
		{"latent", "12", func(e gan.Experiment) bool { return e.Latent == 12 }},
		{"classes", "12", func(e gan.Experiment) bool { return e.View.Classes == 12 }},
		{"loss", "hinge", func(e gan.Experiment) bool { return e.Loss == loss.Hinge }},
		{"penalty", "r1 10 + dragan", func(e gan.Experiment) bool { return len(e.Penalties) == 2 && e.Penalties[0] == loss.R1(10) }},
		{"auxiliary", "0.5", func(e gan.Experiment) bool { return *e.View.Auxiliary == 0.5 }},
		{"optimizer", "sgd", func(e gan.Experiment) bool { return e.Optimizers.Critic == optim.Optimizer(optim.SGD{Rate: 0.01}) }},
		{"critic-optimizer", "sgd", func(e gan.Experiment) bool {
			return e.Optimizers.Critic == optim.Optimizer(optim.SGD{Rate: 0.01}) && e.Optimizers.Generator == optim.Optimizer(adam)
		}},
		{"rate", "0.25", func(e gan.Experiment) bool {
			return e.Optimizers.Critic == optim.Optimizer(optim.NewAdam(0.25, 0.5, 0.999)) && e.Optimizers.Generator == e.Optimizers.Critic
		}},
		{"critic-rate", "0.25", func(e gan.Experiment) bool {
			return e.Optimizers.Critic == optim.Optimizer(optim.NewAdam(0.25, 0.5, 0.999)) && e.Optimizers.Generator == optim.Optimizer(adam)
		}},
		{"beta1", "0", func(e gan.Experiment) bool {
			return e.Optimizers.Generator == optim.Optimizer(optim.NewAdam(5e-4, 0, 0.999))
		}},
		{"ema", "0", func(e gan.Experiment) bool { return e.Optimizers.EMA == 0 }},
		{"clip-weights", "0.01", func(e gan.Experiment) bool { return e.Optimizers.ClipWeights == 0.01 }},
		{"bfloat16", "true", func(e gan.Experiment) bool { return e.Optimizers.BFloat16 }},
		{"method", "unrolled 3", func(e gan.Experiment) bool { return e.Method == method.Method(method.Unrolled{Ahead: 3}) }},
		{"critic-steps", "3", func(e gan.Experiment) bool { return e.Method == method.Method(method.Alternating{CriticSteps: 3}) }},
		{"penalty-every", "3", func(e gan.Experiment) bool { return e.Method == method.Method(method.Alternating{PenaltyEvery: 3}) }},
		{"augment", "diffaugment cutout 0.25 flip", func(e gan.Experiment) bool {
			return e.View.Augment == method.Augmentation(net.DiffAugment{Cutout: 0.25, Flip: true})
		}},
		{"pack", "4", func(e gan.Experiment) bool { return e.View.Pack == 4 }},
		{"batch", "32", func(e gan.Experiment) bool { return e.BatchSize == 32 }},
		{"seed", "-3", func(e gan.Experiment) bool { return e.Seed == -3 }},
	} {
		tried[c.key] = true
		base := spec.Spec{"recipe": "mlp", c.key: c.value}
		if c.key == "generator" {
			base["critic"] = "conditional-mlp"
		}
		exp, err := base.Experiment()
		if err != nil || !c.want(exp) {
			t.Errorf("%s %s: %v, %+v", c.key, c.value, err, exp)
		}
	}
	exp, err := spec.Spec{"recipe": "mlp", "augment": "diffaugment cutout 0.25", "augment-strength": "0.5", "adapt": "adaptive speed 9"}.Experiment()
	if err != nil || *exp.View.AugmentStrength != 0.5 || exp.View.Adapt != method.Adaptation(net.Adaptive{Speed: 9}) {
		t.Errorf("%v, %+v", err, exp.View)
	}
	tried["augment-strength"], tried["adapt"] = true, true
	if exp, err = (spec.Spec{"recipe": "diffaugment", "augment": "none", "adapt": "none", "penalty": "none"}).Experiment(); err != nil || exp.View.Augment != nil || exp.View.Adapt != nil || exp.Penalties != nil {
		t.Errorf("nothing takes away: %v, %+v", err, exp.View)
	}
	for _, key := range spec.KeyNames() {
		if !tried[key] {
			t.Errorf("key %s is not tried", key)
		}
	}
}

// TestObjects reads parts that are written as JSON has them.
func TestObjects(t *testing.T) {
	s, err := spec.Parse([]byte(`{"recipe": "mlp", "optimizer": [{"name": "clip-norm", "norm": 2}, {"name": "adam", "rate": 2e-4}, "cosine steps 9"],
 "penalty": ["r1 10", {"name": "r2", "weight": 3}], "bfloat16": true, "batch": 32, "augment": "none"}`))
	if err != nil {
		t.Fatal(err)
	}
	exp, err := s.Experiment()
	want := optim.Scheduled{Of: optim.Chain(optim.ClipNorm(2), optim.NewAdam(2e-4, 0.9, 0.999)), Schedule: optim.Cosine{Steps: 9}, Setting: optim.SettingRate}
	if err != nil || exp.Optimizers.Generator != optim.Optimizer(want) || len(exp.Penalties) != 2 || exp.Penalties[1] != loss.R2(3) || exp.BatchSize != 32 {
		t.Errorf("%v: %+v", err, exp)
	}
	again, err := spec.Parse([]byte(s.String()))
	if err != nil || again.String() != s.String() {
		t.Errorf("%s became %s, %v", s, again, err)
	}
}

// TestRefused wants one line that says what to do, of each kind of wrong spec.
func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:                                      "want {",
		`[]`:                                    "want {",
		`{"recipe": "mlp"`:                      "line 1 is no JSON: it ends in the middle",
		`{"recipe": "mlp"} {}`:                  "there is more behind",
		"{\n\"los\": \"hinge\"}":                `line 2: a spec has no "los"; did you mean loss?`,
		`{"recipe": "mlp", "recipe": "toy"}`:    `"recipe" stands there already`,
		`{"recipe": null}`:                      "want a text, a number",
		`{"recipe": "gan"}`:                     `unknown recipe "gan"`,
		`{}`:                                    "generator is missing: say what is to be trained",
		`{"generator": "mlp", "critic": "mlp"}`: "data is missing",
		`{"recipe": "mlp", "loss": "hing"}`:     `loss: unknown loss "hing": did you mean hinge?`,
		`{"recipe": "mlp", "loss": "smoothed real 2"}`:                         "real 2: want a number from 0 to 1",
		`{"recipe": "mlp", "optimizer": {"rate": 1}}`:                          `want the "name"`,
		`{"recipe": "mlp", "optimizer": {"name": "adam", "rat": 1}}`:           "did you mean rate?",
		`{"recipe": "mlp", "optimizer": {"name": "adam", "rate": [1]}}`:        "",
		`{"recipe": "mlp", "beta1": 1}`:                                        "beta1 1: want a number from 0",
		`{"recipe": "mlp", "optimizer": "rmsprop", "beta1": 0}`:                `has no parameter "beta1"; it has rate, decay, epsilon`,
		`{"recipe": "mlp", "method": "private", "penalty": "r1"}`:              "Privacy bounds what one image can do",
		`{"recipe": "mlp", "method": "halves", "loss": "relativistic paired"}`: "has no real and fake halves",
		`{"recipe": "mlp", "method": "halves", "penalty-every": 3}`:            `has no parameter "penalty-every"`,
		`{"recipe": "mlp", "latent": 0}`:                                       "latent 0: want a whole number from 1",
		`{"recipe": "mlp", "latent": 1.5}`:                                     "latent 1.5: want a whole number from 1",
		`{"recipe": "mlp", "ema": 1}`:                                          "ema 1: want a number from 0",
		`{"recipe": "mlp", "pack": 3}`:                                         "BatchSize 64 is no multiple of Pack 3",
		`{"recipe": "mlp", "adapt": "adaptive"}`:                               "need an Augment",
		`{"recipe": "mlp", "batch": 0}`:                                        "batch 0: want a whole number from 1",
		`{"recipe": "mlp", "seed": "x"}`:                                       "seed x: want a whole number",
		`{"recipe": "mlp", "data": "cifar"}`:                                   `unknown data set "cifar"`,
		`{"recipe": "mlp", "bfloat16": "yes"}`:                                 "bfloat16 yes: want true or false",
	} {
		s, err := spec.Parse([]byte(text))
		if err == nil {
			_, err = s.Description()
		}
		if want == "" {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	dir := t.TempDir()
	big := filepath.Join(dir, "big.json")
	if err := os.WriteFile(big, make([]byte, 1<<21), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: "there is no spec", filepath.Join(dir, "none"): "there is no spec", big: "larger than"} {
		if _, err := spec.Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	own := gan.Experiment{Name: "own", Data: data.MNIST(), Generator: net.DCGAN{Width: 5}.Generator, Critic: net.MLPCritic}
	if s, err := spec.Of(own, shapeOf(t, own)); err == nil || !strings.HasPrefix(err.Error(), spec.ErrNoName.Error()) {
		t.Errorf("networks of one's own have the names %v, %v", s, err)
	}
}
