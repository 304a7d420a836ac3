package net

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// TestTextGenerator wants whole characters, drawn anew in each call while training and passing a gradient on, and one and
// the same text for a latent otherwise.
func TestTextGenerator(t *testing.T) {
	const batch, steps, vocabulary = 3, 5, 6
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store, z := newStore(t), tensor(random(8, batch*4), batch, 4)
		weights := tensor(random(9, batch*steps*vocabulary), batch, steps, 1, vocabulary)
		run := func(training bool) (text, slopes []float32) {
			out := model.MustCallOnceN(backend, store, func(scope *model.Scope, z, weights *Node) []*Node {
				store.SetTraining(z.Graph(), training)
				text := Text{Steps: steps, Vocabulary: vocabulary, Hidden: 4}.Generator(scope, z)
				return []*Node{text, Gradient(ReduceAllSum(Mul(text, weights)), z)[0]}
			}, z, weights)
			return flat(out[0]), flat(out[1])
		}
		drawn, slopes := run(true)
		other, _ := run(true)
		fixed, _ := run(false)
		again, _ := run(false)
		for _, text := range [][]float32{drawn, other, fixed} {
			for character := range slices.Chunk(text, vocabulary) {
				sorted := slices.Sorted(slices.Values(character))
				if sorted[vocabulary-1] != 1 || sorted[vocabulary-2] != 0 || sorted[0] != 0 {
					t.Errorf("a character is %v, want one-hot", character)
				}
			}
		}
		if slices.Equal(drawn, other) {
			t.Error("training draws the same text twice")
		}
		if !slices.Equal(fixed, again) {
			t.Error("the text of a latent changes from call to call")
		}
		for i, slope := range slopes {
			if !(math.Abs(float64(slope)) > 1e-9) {
				t.Errorf("component %d of the latents has the gradient %g while training", i, slope)
			}
		}
	})
}
