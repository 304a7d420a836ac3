package net

import (
	"math"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// grownBy runs a network of fixed random weights with given shares, and returns its output and which of its variables have a gradient.
func grownBy(t *testing.T, network network, shares []float32, input []float32, dims ...int) (output []float32, used map[string]bool) {
	t.Helper()
	backend, store := gantest.Go(t), model.NewStore()
	if err := store.SetRNGStateFromSeed(3); err != nil {
		t.Fatal(err)
	}
	var names []string
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, x *Node) []*Node {
		y := network(scope, x)
		var values []*Node
		names = nil
		for v := range store.IterVariables() {
			if v.Trainable && strings.HasSuffix(v.Path(), "/weights") {
				names, values = append(names, v.Path()[1:]), append(values, v.NodeValue(x))
			}
		}
		outputs := []*Node{y}
		for _, gradient := range Gradient(ReduceAllSum(Mul(y, y)), values...) {
			outputs = append(outputs, ReduceAllMax(Abs(gradient)))
		}
		return outputs
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	x := tensors.FromFlatDataAndDimensions(input, dims...)
	if _, err := exec.Call(x); err != nil { // which makes the variables
		t.Fatal(err)
	}
	for v := range store.IterVariables() {
		if strings.HasSuffix(v.Path(), "/shares") {
			if err := v.SetValue(tensors.FromValue(shares)); err != nil {
				t.Fatal(err)
			}
		}
	}
	all, err := exec.Call(x)
	if err != nil {
		t.Fatal(err)
	}
	used = map[string]bool{}
	for i, name := range names {
		used[name] = tensors.ToScalar[float32](all[1+i]) != 0
	}
	return tensors.MustCopyFlatData[float32](all[0]), used
}

// TestGrowing wants a pair at the first resolution to know nothing of the larger ones, at the last nothing of how the smaller ones are shown,
// and the generator in between to be the paper's (1-α)·low + α·high.
func TestGrowing(t *testing.T) {
	pair := Growing{Size: 16, Width: 2} // 4, 8 and 16 pixels
	if pair.Stages() != 3 {
		t.Fatalf("%d stages, want 3", pair.Stages())
	}
	z, images := make([]float32, 2*5), make([]float32, 2*16*16)
	for i := range z {
		z[i] = float32(math.Sin(float64(3*i + 1)))
	}
	for i := range images {
		images[i] = float32(math.Sin(float64(7 * i)))
	}
	generator := func(shares ...float32) ([]float32, map[string]bool) {
		return grownBy(t, pair.Generator, shares, z, 2, 5)
	}
	critic := func(shares ...float32) ([]float32, map[string]bool) {
		return grownBy(t, pair.Critic, shares, images, 2, 16, 16, 1)
	}
	want := func(what string, used map[string]bool, with, without []string) {
		t.Helper()
		for _, name := range with {
			if !used[name+"/weights"] {
				t.Errorf("%s: %s is not used, among %v", what, name, used)
			}
		}
		for _, name := range without {
			if used[name+"/weights"] {
				t.Errorf("%s: %s is used", what, name)
			}
		}
	}
	low, used := generator(1, 0, 0)
	want("generator of 4 pixels", used, []string{"project", "to_image_0"}, []string{"conv_1", "conv_2", "to_image_1", "to_image_2"})
	for i, v := range low {
		if row, column := i/16%16, i%16; v != low[i-row%4*16-column%4] {
			t.Fatalf("generator of 4 pixels: row %d, column %d is not what its block of 4×4 is", row, column)
		}
	}
	middle, used := generator(0, 1, 0)
	want("generator of 8 pixels", used, []string{"project", "conv_1", "to_image_1"}, []string{"conv_2", "to_image_0", "to_image_2"})
	_, used = generator(0, 0, 1)
	want("generator of 16 pixels", used, []string{"project", "conv_1", "conv_2", "to_image_2"}, []string{"to_image_0", "to_image_1"})
	faded, _ := generator(0.75, 0.25, 0)
	for i, v := range faded {
		if between := 0.75*math.Atanh(float64(low[i])) + 0.25*math.Atanh(float64(middle[i])); math.Abs(math.Atanh(float64(v))-between) > 1e-4 {
			t.Fatalf("a quarter of the way to 8 pixels value %d is %g, want %g", i, math.Atanh(float64(v)), between)
		}
	}

	_, used = critic(1, 0, 0)
	want("critic of 4 pixels", used, []string{"logit", "conv_0", "from_image_0"}, []string{"conv_1", "conv_2", "from_image_1", "from_image_2"})
	_, used = critic(0, 1, 0)
	want("critic of 8 pixels", used, []string{"conv_0", "conv_1", "from_image_1"}, []string{"conv_2", "from_image_0", "from_image_2"})
	_, used = critic(0, 0, 1)
	want("critic of 16 pixels", used, []string{"conv_0", "conv_1", "conv_2", "from_image_2"}, []string{"from_image_0", "from_image_1"})
	_, used = critic(0, 0.5, 0.5)
	want("critic half way to 16 pixels", used, []string{"conv_1", "conv_2", "from_image_1", "from_image_2"}, []string{"from_image_0"})
}
