package lint_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
	"gantry.local/gan/translate"
)

// images are small ones.
func images(n int) data.Set {
	return data.Of("zeros", &sample.Images{N: n, Height: 4, Width: 4, Channels: 1, Values: make([]float32, 16*n)})
}

// restorer is a description of two networks that are no generator and critic.
func restorer(width int) translate.Experiment {
	return translate.Experiment{Name: "restorer", Data: images(40), Degrade: translate.Noise{Sigma: 0.5}, BatchSize: 4,
		Network: func(scope *model.Scope, x *Node) *Node {
			return Reshape(Tanh(net.Dense(scope.In("out"), net.LeakyReLU(net.Dense(scope.In("in"), net.Flatten(x), width), 0.2), 16)), -1, 4, 4, 1)
		},
		Critic: func(scope *model.Scope, x *Node) *Node { return net.Dense(scope, net.Flatten(x), 1) }}
}

// pairOfSets is a game on two data sets.
func pairOfSets() method.Game {
	objective := func(p *method.Play) *Node {
		return ReduceAllMean(Square(Sub(p.Net("map", p.Real().Images), p.Beside(1).Images)))
	}
	return method.Game{Name: "two", Data: []data.Set{images(40), data.Ring8().Set(40, 1)}, BatchSize: 4,
		Networks: []method.Network{method.Of("map", func(scope *model.Scope, x *Node) *Node {
			return Reshape(net.Dense(scope, net.Flatten(x), 2), -1, 1, 1, 2)
		})},
		Turns: []method.Turn{{Phases: []method.Phase{{Moves: []string{"map"}, Objective: objective, Optimizer: optim.NewAdam(1e-3, 0.9, 0.999)}}}}}
}

// signatureOf loads a description's data and signs it.
func signatureOf(t *testing.T, of method.Description) lint.Signature {
	t.Helper()
	game, err := of.Game()
	if err != nil {
		t.Fatal(err)
	}
	var on []lint.DataShape
	for _, set := range game.Data {
		shape, err := lint.DescribeData(set)
		if err != nil {
			t.Fatal(err)
		}
		on = append(on, shape)
	}
	s, err := lint.SignatureOf(of, on)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWith wants data, batch size and seed of any description to be chosen, and seen in its signature, and nothing else to change.
func TestWith(t *testing.T) {
	other := data.Of("ones", &sample.Images{N: 30, Height: 4, Width: 4, Channels: 1, Values: make([]float32, 16*30)})
	ring := data.Ring8().Set(30, 2)
	for _, c := range []struct {
		of     method.Description
		choice method.Choice
		want   string // parts that differ
	}{
		{restorer(8), method.Choice{Data: []data.Set{other}, BatchSize: 6, Seed: 3}, "data, batch size, seed, step"},
		{restorer(8), method.Choice{}, ""},
		{pairOfSets(), method.Choice{Data: []data.Set{images(40), ring}, Seed: 2}, "data 2, seed, step"},
		{recipe.Toy(), method.Choice{Data: []data.Set{ring}, BatchSize: 6}, "data, batch size"},
	} {
		with, err := method.With(c.of, c.choice)
		if err != nil {
			t.Error(err)
			continue
		}
		var parts []string
		for _, d := range signatureOf(t, with).Differences(signatureOf(t, c.of)) {
			parts = append(parts, d.Part)
		}
		if got := strings.Join(parts, ", "); got != c.want && got != strings.TrimSuffix(c.want, ", step") {
			t.Errorf("%T: the signature differs in %q, want %q", c.of, got, c.want)
		}
	}
	for _, of := range []method.Description{restorer(8), recipe.Toy()} {
		if _, err := method.With(of, method.Choice{Data: []data.Set{ring, ring}}); err == nil || !strings.Contains(err.Error(), "1 data set(s), and 2 are given") {
			t.Errorf("%T on two data sets: %v", of, err)
		}
	}
	if _, err := method.With(pairOfSets(), method.Choice{Data: []data.Set{ring}}); err == nil {
		t.Error("a game of two data sets takes one")
	}
}

// TestFilesBesideSamples wants one signature of any description on a folder, be it a stream, of which the files are told, or loaded; and
// other files to be seen.
func TestFilesBesideSamples(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	draw := func(name string) {
		var content bytes.Buffer
		if err := errors.Join(png.Encode(&content, image.NewGray(image.Rect(0, 0, 4, 4))), os.WriteFile(filepath.Join(dir, name), content.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	on := func(of method.Description, stream bool) lint.Signature {
		set := data.Folder(dir, data.FolderOptions{Size: 4, Gray: true, Stream: stream})
		set.Name = "photos"
		with, err := method.With(of, method.Choice{Data: []data.Set{set}, BatchSize: 4})
		if err != nil {
			t.Fatal(err)
		}
		return signatureOf(t, with)
	}
	for i := range 8 {
		draw(fmt.Sprintf("%d.png", i))
	}
	usual := recipe.MLP()
	usual.Generator = net.MLP{Height: 4, Width: 4}.NormGenerator
	descriptions := []method.Description{restorer(8), usual}
	var before []lint.Signature
	for _, of := range descriptions {
		before = append(before, on(of, true))
		if all := on(of, false).Differences(on(of, true)); len(all) > 0 {
			t.Errorf("%T on loaded pictures differs from the same as a stream: %v", of, all)
		}
	}
	if err := os.Rename(filepath.Join(dir, "7.png"), filepath.Join(dir, "8.png")); err != nil {
		t.Fatal(err)
	}
	for i, of := range descriptions {
		if len(on(of, true).Differences(before[i])) == 0 {
			t.Errorf("%T: other files are not seen", of)
		}
	}
}

// TestSets wants data sets found by the names that they are said to have.
func TestSets(t *testing.T) {
	two := pairOfSets()
	for names, want := range map[string]string{two.DataName(): "zeros + ring,n=40,seed=1", "zeros + moons": "zeros + moons", "moons": "trains on 2 data sets",
		"moons + nowhere": `unknown data set "nowhere"`} {
		sets, err := two.Sets(names)
		got := ""
		if two.Data = sets; err != nil {
			got = err.Error()
		} else {
			got = two.DataName()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
		two = pairOfSets()
	}
}

// TestOfGames wants what the linter and the summary say of a game that is no gan.Experiment.
func TestOfGames(t *testing.T) {
	small := restorer(8)
	small.Data = images(3)
	misfit := restorer(8)
	misfit.Network = func(_ *model.Scope, x *Node) *Node { return Slice(x, AxisRange(), AxisRange(1)) }
	for _, c := range []struct {
		of   method.Description
		want string // the first finding
	}{
		{restorer(8), ""},
		{pairOfSets(), ""},
		{small, "batch of the whole data: a step takes 4 images and zeros has 3"},
		{misfit, "impossible: the network makes"},
		{translate.Experiment{Name: "none"}, "impossible: translation has no Data"},
		{gan.Experiment{Name: "none"}, "impossible: "},
	} {
		found := lint.CheckOf(c.of)
		if c.want == "" && len(found) > 0 || c.want != "" && (len(found) == 0 || !strings.HasPrefix(found[0].String(), c.want)) {
			t.Errorf("the linter finds %v, want %q", found, c.want)
		}
	}
	s, err := lint.SummaryOf(restorer(8))
	if err != nil {
		t.Fatal(err)
	}
	const network, critic = 16*8 + 8 + 8*16 + 16, 32 + 1
	if len(s.Networks) != 2 || s.Networks[0].Name != translate.NetworkName || s.Networks[0].Parameters != network || s.Networks[1].Parameters != critic ||
		s.Networks[0].Layers[0].Kind != "dense 16→8, leaky relu" || s.Step.Cost.Products == 0 || s.Step.State < 4*(network+critic) {
		t.Errorf("the summary is\n%v", s)
	}
	if s, err = lint.SummaryOf(pairOfSets()); err != nil || !strings.Contains(s.Data, "; ring") || s.Networks[0].Parameters != 34 {
		t.Errorf("of a game on two data sets: %v\n%v", err, s)
	}
	if s, err = lint.SummaryOf(recipe.Toy()); err != nil || len(s.Settings) == 0 {
		t.Errorf("an experiment does not tell its settings: %v\n%v", err, s)
	}
	if _, err = lint.SummaryOf(misfit); err == nil || !strings.Contains(err.Error(), "the network makes") {
		t.Errorf("of what cannot run: %v", err)
	}
}
