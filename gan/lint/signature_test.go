package lint_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/lint"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/recipe"
)

// shapeOf describes a recipe's data without reading it.
func shapeOf(exp gan.Experiment, height, width, depth, classes int) lint.DataShape {
	return lint.DataShape{Name: exp.Data.Name, N: 60000, Height: height, Width: width, Depth: depth, Classes: classes, Labels: classes > 0}
}

func signature(t *testing.T, exp gan.Experiment, shape lint.DataShape) lint.Signature {
	t.Helper()
	s, err := exp.SignatureOn(shape)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSignatureRepeats wants each kind of recipe to have the same signature each time.
func TestSignatureRepeats(t *testing.T) {
	for name, shape := range map[string]lint.DataShape{
		"article": {Height: 28, Width: 28, Depth: 1}, "dcgan": {Height: 28, Width: 28, Depth: 1},
		"resnet": {Height: 28, Width: 28, Depth: 1}, "sngan": {Height: 28, Width: 28, Depth: 1},
		"few-labels": {Height: 28, Width: 28, Depth: 1, Labels: true, Classes: 10},
		"projection": {Height: 28, Width: 28, Depth: 1, Labels: true, Classes: 10},
		"toy-r1r2":   {Height: 1, Width: 1, Depth: 2}, "toy-unrolled": {Height: 1, Width: 1, Depth: 2},
		"sines":   {Height: 32, Width: 1, Depth: 1},
		"phrases": {Height: 16, Width: 1, Depth: 23},
	} {
		of, err := recipe.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		shape.Name, shape.N = name, 60000
		first, err := lint.SignatureOf(of, []lint.DataShape{shape})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if of, err = recipe.Named(name); err != nil {
			t.Fatal(err)
		}
		again, err := lint.SignatureOf(of, []lint.DataShape{shape})
		if err != nil {
			t.Fatal(err)
		}
		if differences := again.Differences(first); len(differences) > 0 {
			t.Errorf("%s differs from itself: %v", name, differences)
		}
	}
}

// TestSignatureDifferences changes one thing at a time and wants that one named.
func TestSignatureDifferences(t *testing.T) {
	critic := func(size int, last func(*Node) *Node) gan.Network {
		return func(scope *model.Scope, x *Node) *Node {
			x = net.LeakyReLU(net.Conv2D(scope.In("conv"), x, 8, size), 0.2)
			return last(net.Dense(scope.In("logit"), net.Flatten(x), 1))
		}
	}
	same := func(x *Node) *Node { return x }
	base := gan.Experiment{Name: "base", Data: data.MNIST(), Generator: net.MLPGenerator, Critic: critic(5, same),
		Loss: loss.NonSaturating, Penalties: []loss.Penalty{loss.R1(1)}}
	shape := shapeOf(base, 28, 28, 1, 10)
	before := signature(t, base, shape)
	for _, test := range []struct {
		name   string
		change func(*gan.Experiment)
		want   []string // none: nothing that matters
	}{
		{"the name", func(e *gan.Experiment) { e.Name = "other" }, nil},
		{"a default written out", func(e *gan.Experiment) { e.BatchSize, e.Latent = 64, 100 }, nil},
		{"the same network from another function", func(e *gan.Experiment) { e.Critic = critic(5, func(x *Node) *Node { return x }) }, nil},
		{"batch size", func(e *gan.Experiment) { e.BatchSize = 32 }, []string{"batch size: 64 → 32"}},
		{"loss", func(e *gan.Experiment) { e.Loss = loss.Hinge }, []string{"loss: non-saturating → hinge"}},
		{"rate", func(e *gan.Experiment) { e.Optimizers.Critic = optim.NewAdam(5e-4, 0.9, 0.999) }, []string{"critic optimizer: rate 0.001 → rate 0.0005"}},
		{"two", func(e *gan.Experiment) { e.Seed, e.Optimizers.EMA = 7, 0.99 }, []string{"generator average: 0 → 0.99", "seed: 0 → 7"}},
		{"latent", func(e *gan.Experiment) { e.Latent = 50 }, []string{"latent: 100 → 50", "generator: dense 100→128 → dense 50→128"}},
		{"kernel", func(e *gan.Experiment) { e.Critic = critic(3, same) }, []string{"critic: conv 5×5 1→8, leaky relu, dense"}},
		{"activation", func(e *gan.Experiment) { e.Critic = critic(5, Sigmoid) }, []string{"critic: none → sigmoid"}},
		{"slope", func(e *gan.Experiment) { e.Critic = critic(5, func(x *Node) *Node { return MulScalar(x, 2) }) }, []string{"critic: "}},
		{"penalty's weight", func(e *gan.Experiment) { e.Penalties = []loss.Penalty{loss.R1(2)} }, []string{"penalty r1: weight 1 → weight 2"}},
		{"no penalty", func(e *gan.Experiment) { e.Penalties = nil }, []string{"penalty r1: r1 weight 1 → none"}},
		{"augmentation", func(e *gan.Experiment) { e.View.Augment = net.DiffAugment{Translation: 0.1} }, []string{"augmentation strength: 0 → 1", "augmentation: none → "}},
	} {
		exp := base
		test.change(&exp)
		differences := signature(t, exp, shape).Differences(before)
		ok := len(differences) == len(test.want)
		for i := range test.want {
			ok = ok && i < len(differences) && strings.HasPrefix(differences[i].String(), test.want[i])
		}
		if !ok {
			t.Errorf("%s: the differences are %v, want %q", test.name, differences, test.want)
		}
	}
}

// TestSignatureData tells data of the same shape by their content.
func TestSignatureData(t *testing.T) {
	exp := tiny.Experiment(method.Alternating{})
	before, err := exp.Signature()
	if err != nil {
		t.Fatal(err)
	}
	images, err := exp.Data.Load()
	if err != nil {
		t.Fatal(err)
	}
	changed := *images
	changed.Pixels = slices.Clone(images.Pixels)
	changed.Pixels[100]++
	exp.Data = data.Of(exp.Data.Name, &changed)
	after, err := exp.Signature()
	if err != nil {
		t.Fatal(err)
	}
	d := after.Differences(before)
	if len(d) != 1 || d[0].Part != "data" || d[0].After != "the same name and shape with other samples" {
		t.Errorf("one pixel of the data changed: %v", d)
	}
	shape, err := lint.DescribeData(exp.Data)
	if err != nil {
		t.Fatal(err)
	}
	shape.Content = ""
	if d := signature(t, exp, shape).Differences(before); len(d) > 0 {
		t.Errorf("data that was not looked at differs: %v", d)
	}
}

// TestSignatureFails wants one line for what cannot be trained.
func TestSignatureFails(t *testing.T) {
	misfit := tiny.Experiment(method.Alternating{})
	misfit.Generator = net.MLPGenerator
	small := tiny.Experiment(method.Alternating{})
	small.BatchSize = 1000
	for want, exp := range map[string]gan.Experiment{
		"has no Data":                 {Name: "a"},
		"makes images of [2 28 28 1]": misfit,
		"a step needs 1000 images":    small,
	} {
		if _, err := exp.Signature(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want one line with %q", err, want)
		}
	}
}

// BenchmarkSignature is what attaching to a run costs beside the socket; it must stay below 100 ms.
func BenchmarkSignature(b *testing.B) {
	exp := recipe.DCGAN()
	shape := shapeOf(exp, 28, 28, 1, 10)
	begin := time.Now()
	for b.Loop() {
		if _, err := exp.SignatureOn(shape); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(time.Since(begin).Milliseconds())/float64(b.N), "ms/op")
}

// TestSignatureOfGame wants any game to be told by what a step computes, on a text too, whose samples are stored as indices.
func TestSignatureOfGame(t *testing.T) {
	signature := func(exp gan.Experiment) lint.Signature {
		t.Helper()
		game, err := exp.Game()
		if err != nil {
			t.Fatal(err)
		}
		images, err := exp.Data.Load()
		if err != nil {
			t.Fatal(err)
		}
		s, err := lint.SignatureOfGame(game, []lint.DataShape{lint.ShapeOf(exp.Data.Name, images)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	text := gan.Experiment{Name: "text", Data: data.Phrases(), Latent: 8, BatchSize: 8, Generator: net.Text{Steps: 16, Vocabulary: 23, Hidden: 8}.Generator, Critic: net.Text{Width: 8}.Critic}
	other := text
	other.Loss = loss.Hinge
	before := signature(text)
	if differences := signature(text).Differences(before); len(differences) > 0 {
		t.Errorf("one game differs from itself: %v", differences)
	}
	if differences := signature(other).Differences(before); len(differences) == 0 {
		t.Error("a game with another loss is the same")
	}
}
