package lint_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/lint"
	"gantry.local/gan/net"
	"gantry.local/gan/recipe"
	"gantry.local/gan/safetensors"
)

// summaryOf is the summary of a recipe on few samples of its data.
func summaryOf(t *testing.T, exp gan.Experiment) lint.Summary {
	t.Helper()
	s, err := exp.Summary()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSummary wants what is known of a recipe's networks and settings.
func TestSummary(t *testing.T) {
	s := summaryOf(t, recipe.DCGAN())
	generator, critic := s.Networks[0], s.Networks[1]
	var got []string
	for _, l := range append(slices.Clone(generator.Layers), critic.Layers...) {
		got = append(got, fmt.Sprintf("%s: %s %v %d", l.Name, l.Kind, l.Output, l.Parameters))
	}
	want := []string{
		"project: dense 100→3136 [64 7 7 64] 313600", "norm_0: normalise, relu [64 7 7 64] 128",
		"up_1: conv 4×4 64→32 [64 14 14 32] 32768", "norm_1: normalise, relu [64 14 14 32] 64",
		"output: conv 4×4 32→1, tanh [64 28 28 1] 513",
		"down_0: conv 4×4 2→32, leaky relu [32 14 14 32] 1056", "down_1: conv 4×4 32→64, leaky relu [32 7 7 64] 32832",
		"logit: dense 3136→1 [32 1] 3137",
	}
	if !slices.Equal(got, want) {
		t.Errorf("layers\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if want := 2.0 * 64 * 100 * 3136; generator.Layers[0].Products != want {
		t.Errorf("the first layer makes %g operations, want %g", generator.Layers[0].Products, want)
	}
	wantSettings := []lint.Setting{{Name: "critic optimizer", Value: "beta1 0.5", Default: "beta1 0.9"}, {Name: "generator average", Value: "0.999", Default: "0"},
		{Name: "generator optimizer", Value: "beta1 0.5", Default: "beta1 0.9"}, {Name: "pack", Value: "2", Default: "1"},
		{Name: "penalties", Value: "r1 weight 2", Default: "none"}, {Name: "penalty interval", Value: "8", Default: "1"}}
	if !slices.Equal(s.Settings, wantSettings) {
		t.Errorf("settings %v, want %v", s.Settings, wantSettings)
	}
	// Of each weight and its average in the generator, two moments, and the numbers of the optimizers' updates and the average's.
	if least := 4 * (4*generator.Parameters + 3*critic.Parameters); s.Step.State < least || s.Step.State > least+10_000 {
		t.Errorf("%d bytes of state, want a little more than %d", s.Step.State, least)
	}
	if forward := generator.Products + critic.Products; s.Step.Cost.Products < 3*forward || s.Step.Cost.Products > 9*forward {
		t.Errorf("a step makes %g operations, a forward pass of both networks %g", s.Step.Cost.Products, forward)
	}
	if s.Step.Data != 60000*28*28 || s.Step.Between < 64*28*28*4 || s.Step.Between > 100e6 || len(s.Findings) != 0 {
		t.Errorf("%+v, %v", s.Step, s.Findings)
	}
}

// TestSummaryOfAll wants the layers of every recipe's networks to have shapes of a batch, and to add up to the weights that
// are trained.
func TestSummaryOfAll(t *testing.T) {
	for _, r := range recipe.All() {
		if strings.Contains(r.Name, "faces") { // as dcgan and r3gan; drawing them takes seconds
			continue
		}
		s, err := lint.SummaryOf(r.Make())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range s.Networks {
			parameters, kept, products := 0, 0, 0.0
			for _, l := range n.Layers {
				parameters, kept, products = parameters+l.Parameters, kept+l.Kept, products+l.Products
				if len(l.Output) < 2 || len(l.Output) > 4 || l.Output[0] != n.Input[0] || l.Kind == "" {
					t.Errorf("%s: %s: layer %s (%q) has the shape %v", r.Name, n.Name, l.Name, l.Kind, l.Output)
				}
			}
			if parameters != n.Parameters || kept != n.Kept || products > n.Products || products < 0.99*n.Products {
				t.Errorf("%s: %s: layers have %d+%d numbers and %g operations, the network %d+%d and %g", r.Name, n.Name,
					parameters, kept, products, n.Parameters, n.Kept, n.Products)
			}
		}
		if s.Step.Cost.Products == 0 || s.Step.Between == 0 || s.Step.Private != (r.Name == "private") {
			t.Errorf("%s: %+v", r.Name, s.Step)
		}
	}
}

// TestSummaryCounts compares the summary with the weights of a trainer.
func TestSummaryCounts(t *testing.T) {
	exp := recipe.MLP()
	exp.Data = data.Subset(exp.Data, 500, 1)
	s := summaryOf(t, exp)
	trainer, err := gan.NewTrainer(gantest.Go(t), exp)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := trainer.SaveWeights(dir); err != nil {
		t.Fatal(err)
	}
	for _, n := range s.Networks {
		saved, err := safetensors.Load(filepath.Join(dir, n.Name+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		numbers := 0
		for _, tensor := range saved.Tensors {
			numbers += len(tensor.Data) / 4
		}
		if n.Parameters+n.Kept != numbers {
			t.Errorf("%s has %d+%d numbers in the summary and %d in its file", n.Name, n.Parameters, n.Kept, numbers)
		}
	}
}

// TestShowExperiment shows an experiment with a mistake, and one that cannot be trained, and wants hostile names escaped.
func TestShowExperiment(t *testing.T) {
	exp := recipe.MLP()
	exp.Name = "<script>alert(1)</script>"
	exp.Data = data.Subset(exp.Data, 500, 1)
	exp.Critic = func(scope *model.Scope, x *graph.Node) *graph.Node {
		return graph.Sigmoid(net.Dense(scope.In("<b>"), net.Flatten(x), 1))
	}
	shown := exp.ShowValue()
	text, page := shown["text/plain"].(string), shown["text/html"].(string)
	for _, want := range []string{"dense 784→1, sigmoid", "bounded critic", "1 510 288", "generator average", "0.999", "500 of 28×28×1"} {
		if !strings.Contains(text, want) || !strings.Contains(page, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	gantest.WellFormed(t, page)
	exp.Latent = -1
	shown = exp.ShowValue()
	if text := shown["text/plain"].(string); !strings.Contains(text, "cannot be trained") || !strings.Contains(text, "Latent -1") {
		t.Errorf("%s", text)
	}
	gantest.WellFormed(t, shown["text/html"].(string))
}
