package net

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// labelled makes a conditional network of 3 classes a network, for batches of 4.
func labelled(f func(scope *model.Scope, x, labels *Node) *Node) network {
	return func(scope *model.Scope, x *Node) *Node { return f(scope, x, Const(x.Graph(), []int32{2, 0, 1, 2})) }
}

// TestNetworks wants the shape of every network, images within [-1, 1], and for every trainable variable a gradient that
// is finite and not zero.
func TestNetworks(t *testing.T) {
	z := []int{4, 5}
	gray, colour := []int{4, 28, 28, 1}, []int{4, 32, 32, 3}
	logits := []int{4, 1}
	small := DCGAN{Width: 3, Classes: 3}
	colours := DCGAN{Size: 32, Width: 3, Channels: 3}
	large := DCGAN{Size: 64, Width: 2, Channels: 3}
	residual := ResNet{Width: 4, Classes: 3}
	residual32 := ResNet{Size: 32, Width: 4, Channels: 3, Attention: true}
	withNorm := func(norm Norm) DCGAN { return DCGAN{Width: 3, Classes: 3, Norm: norm} }
	for name, c := range map[string]struct {
		network
		input, output []int
	}{
		"DCGAN 28 generator":              {small.Generator, z, gray},
		"DCGAN 32 generator":              {colours.Generator, z, colour},
		"DCGAN 64 generator":              {large.Generator, z, []int{4, 64, 64, 3}},
		"DCGAN 28 critic":                 {small.Critic, gray, logits},
		"DCGAN 32 critic":                 {colours.Critic, colour, logits},
		"DCGAN 64 critic":                 {large.Critic, []int{4, 64, 64, 3}, logits},
		"DCGAN batch critic":              {withNorm(NormBatch).Critic, gray, logits},
		"DCGAN layer critic":              {withNorm(NormLayer).Critic, gray, logits},
		"DCGAN instance critic":           {withNorm(NormInstance).Critic, gray, logits},
		"DCGAN spectral critic":           {withNorm(NormSpectral).Critic, gray, logits},
		"DCGAN conditional generator":     {labelled(small.ConditionalGenerator), z, gray},
		"DCGAN conditional critic":        {labelled(small.ConditionalCritic), gray, logits},
		"DCGAN projection critic":         {labelled(small.ProjectionCritic), gray, logits},
		"DCGAN spectral projection":       {labelled(withNorm(NormSpectral).ProjectionCritic), gray, logits},
		"DCGAN auxiliary critic":          {small.AuxiliaryCritic, gray, []int{4, 4}},
		"DCGAN spectral auxiliary critic": {withNorm(NormSpectral).AuxiliaryCritic, gray, []int{4, 4}},
		"MLP conditional generator":       {labelled(ConditionalMLP{3}.Generator), z, gray},
		"MLP conditional critic":          {labelled(ConditionalMLP{3}.Critic), gray, logits},
		"ResNet 28 generator":             {residual.Generator, z, gray},
		"ResNet 28 critic":                {residual.Critic, gray, logits},
		"ResNet 32 generator":             {residual32.Generator, z, colour},
		"ResNet 32 critic":                {residual32.Critic, colour, logits},
		"ResNet conditional generator":    {labelled(residual.ConditionalGenerator), z, gray},
		"ResNet conditional critic":       {labelled(residual.ConditionalCritic), gray, logits},
		"toy generator":                   {Toy{}.Generator, z, []int{4, 1, 1, 2}},
		"toy critic":                      {Toy{}.Critic, []int{4, 1, 1, 2}, logits},
		"PacGAN's toy generator":          {PacGANToy().Generator, z, []int{4, 1, 1, 2}},
		"PacGAN's toy critic":             {PacGANToy().Critic, []int{4, 1, 1, 4}, logits},
		"DCGAN feature critic":            {small.FeatureCritic, gray, []int{4, 1 + 7*7*6}},
		"MLP feature critic":              {MLPFeatureCritic, gray, []int{4, 1 + 256}},
		"R3GAN generator":                 {R3GAN{Width: 3}.Generator, z, gray},
		"R3GAN critic":                    {R3GAN{Size: 32, Width: 3, Channels: 3}.Critic, colour, logits},
		"style generator":                 {Style{Width: 2, Style: 6}.Generator, z, gray},
		"style critic":                    {Style{Width: 2}.Critic, gray, logits},
		"growing generator":               {Growing{Width: 2}.Generator, z, gray},
		"growing critic":                  {Growing{Size: 32, Width: 2, Channels: 3}.Critic, colour, logits},
		"encoder":                         {Encoder{Outputs: 5}.MLP, gray, []int{4, 5}},
		"autoencoder":                     {MLPAutoencoder, gray, gray},
		"translator":                      {Translator, colour, colour},
		"restorer":                        {Restorer, []int{4, 12, 8, 2}, []int{4, 12, 8, 2}},
		"super-resolver":                  {SuperResolver, []int{4, 14, 14, 1}, gray},
	} {
		t.Run(name, func(t *testing.T) { trainsOnce(t, gantest.Go(t), c.network, c.input, c.output) })
	}
	t.Run("on XLA", func(t *testing.T) {
		backend := gantest.XLA(t)
		trainsOnce(t, backend, DCGAN{Width: 6}.Generator, z, gray)
		trainsOnce(t, backend, DCGAN{Width: 6}.Critic, gray, logits)
		trainsOnce(t, backend, Toy{}.Critic, []int{4, 1, 1, 2}, logits)
	})
}

func trainsOnce(t *testing.T, backend compute.Backend, f network, input, output []int) {
	t.Helper()
	store := newStore(t)
	var variables []*model.Variable
	outputs := model.MustCallOnceN(backend, store, func(scope *model.Scope, x *Node) []*Node {
		store.SetTraining(x.Graph(), true)
		variables = nil
		y := f(scope, x)
		var values []*Node
		for v := range store.IterVariables() {
			if v.Trainable {
				variables, values = append(variables, v), append(values, v.NodeValue(x))
			}
		}
		slope := Cos(IotaFull(x.Graph(), y.Shape()))
		return append([]*Node{y}, Gradient(ReduceAllSum(Mul(y, slope)), values...)...)
	}, tensor(random(7, sizeOf(input)), input...))
	if !slices.Equal(outputs[0].Shape().Dimensions, output) {
		t.Errorf("%v becomes %v, want %v", input, outputs[0].Shape().Dimensions, output)
	}
	image := len(output) == 4 && output[1] > 1
	for _, v := range flat(outputs[0]) {
		if math.IsNaN(float64(v)) || image && (v < -1 || v > 1) {
			t.Fatalf("a value is %g", v)
		}
	}
	for i, v := range variables {
		largest := 0.0
		for _, slope := range flat(outputs[i+1]) {
			largest = max(largest, math.Abs(float64(slope)))
		}
		if math.IsNaN(largest) || math.IsInf(largest, 0) || largest == 0 && !startsUnused(v.Path()) {
			t.Errorf("the gradient by %s is %g", v.Path(), largest)
		}
	}
}

// startsUnused says which variables have no gradient at first: those behind attention's gamma, which starts 0, and those of R3GAN's blocks
// behind the last convolution, which does.
func startsUnused(path string) bool {
	if strings.HasPrefix(path, "/block_") && !strings.Contains(path, "/conv_2/") {
		return true
	}
	return slices.ContainsFunc([]string{"f", "g", "h", "v"}, func(name string) bool {
		return path == "/attention/"+name+"/weights" || path == "/attention/"+name+"/biases"
	})
}

// TestLabelsMatter wants the output of every conditional network to change with the label.
func TestLabelsMatter(t *testing.T) {
	backend := gantest.Go(t)
	small, residual := DCGAN{Width: 3, Classes: 3}, ResNet{Width: 4, Classes: 3}
	for name, c := range map[string]struct {
		network func(scope *model.Scope, x, labels *Node) *Node
		dims    []int
	}{
		"DCGAN generator":  {small.ConditionalGenerator, []int{2, 5}},
		"DCGAN critic":     {small.ConditionalCritic, []int{2, 28, 28, 1}},
		"DCGAN projection": {small.ProjectionCritic, []int{2, 28, 28, 1}},
		"MLP generator":    {ConditionalMLP{3}.Generator, []int{2, 5}},
		"MLP critic":       {ConditionalMLP{3}.Critic, []int{2, 28, 28, 1}},
		"ResNet critic":    {residual.ConditionalCritic, []int{2, 28, 28, 1}},
	} {
		x := random(8, sizeOf(c.dims)/2)
		got := flat(call(backend, newStore(t), false, tensor(slices.Concat(x, x), c.dims...),
			func(scope *model.Scope, x *Node) *Node { return c.network(scope, x, Const(x.Graph(), []int32{0, 2})) }))
		if slices.Equal(got[:len(got)/2], got[len(got)/2:]) {
			t.Errorf("%s: labels 0 and 2 give the same", name)
		}
	}
}

// TestResNetCriticIsSpectral wants every matrix and kernel of ResNet's critic to be normalised, those of attention too.
func TestResNetCriticIsSpectral(t *testing.T) {
	store, networks := newStore(t), ResNet{Size: 32, Width: 8, Attention: true}
	call(gantest.Go(t), store, true, tensors.FromFlatDataAndDimensions(random(1, 2*32*32), 2, 32, 32, 1), networks.Critic)
	weights := 0
	for v := range store.IterVariables() {
		if !v.Trainable || v.Shape().Rank() < 2 {
			continue
		}
		weights++
		if state := strings.TrimSuffix(v.Path(), "weights") + "u"; store.GetVariable(state) == nil {
			t.Errorf("%s is not normalised", v.Path())
		}
	}
	if weights < 14 {
		t.Errorf("the critic has %d matrices and kernels, want the 4 of attention among at least 14", weights)
	}
}
