package net

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// rows repeats one row.
func rows(n int, row ...float32) []float32 {
	var values []float32
	for range n {
		values = append(values, row...)
	}
	return values
}

func softmax(logits ...float32) []float64 {
	sum, p := 0.0, make([]float64, len(logits))
	for i, l := range logits {
		p[i] = math.Exp(float64(l))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// TestGumbelFrequencies draws one-hot samples and counts the categories: each count must be within five standard
// deviations of its binomial distribution, at any temperature.
func TestGumbelFrequencies(t *testing.T) {
	const n = 4000
	logits := []float32{0, 1, -2, 0.5, 3}
	temperatures := []float64{0.2, 1, 4}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for i, drawn := range sampleAt(t, backend, tensor(rows(n, logits...), n, len(logits)), temperatures,
			StraightThrough) {
			counts := make([]float64, len(logits))
			for row := range slices.Chunk(drawn, len(logits)) {
				ones := 0
				for k, v := range row {
					if v == 1 {
						counts[k]++
						ones++
					} else if v != 0 {
						t.Fatalf("a straight-through sample has the value %g", v)
					}
				}
				if ones != 1 {
					t.Fatalf("a straight-through sample has %d ones", ones)
				}
			}
			for k, p := range softmax(logits...) {
				if deviation := math.Sqrt(n * p * (1 - p)); math.Abs(counts[k]-n*p) > 5*deviation {
					t.Errorf("temperature %g: category %d was drawn %.0f times, want %.0f ± %.0f", temperatures[i], k,
						counts[k], n*p, deviation)
				}
			}
		}
	})
}

// sampleAt draws samples for the logits at each temperature and passes them through f.
func sampleAt(t *testing.T, backend compute.Backend, logits *tensors.Tensor, temperatures []float64,
	f func(*Node) *Node) (samples [][]float32) {
	t.Helper()
	store := newStore(t)
	for _, out := range model.MustCallOnceN(backend, store, func(scope *model.Scope, x *Node) (samples []*Node) {
		store.SetTraining(x.Graph(), true)
		for _, temperature := range temperatures {
			samples = append(samples, f(GumbelSoftmax(scope, x, temperature)))
		}
		return samples
	}, logits) {
		samples = append(samples, flat(out))
	}
	return samples
}

// TestGumbelSamples wants relaxed samples that are distributions, sharper at lower temperatures.
func TestGumbelSamples(t *testing.T) {
	const n, categories = 500, 4
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		var sharpness []float64 // the mean of the largest probability
		for _, drawn := range sampleAt(t, backend, tensor(random(3, n*categories), n, categories), []float64{10, 1, 0.05},
			Identity) {
			mean := 0.0
			for row := range slices.Chunk(drawn, categories) {
				sum := 0.0
				for _, v := range row {
					sum += float64(v)
				}
				if math.Abs(sum-1) > 1e-5 || slices.Min(row) < 0 {
					t.Fatalf("a sample is %v, want a distribution", row)
				}
				mean += float64(slices.Max(row)) / n
			}
			sharpness = append(sharpness, mean)
		}
		if !(sharpness[0] < 0.4 && sharpness[0] < sharpness[1] && sharpness[1] < sharpness[2] && sharpness[2] > 0.95) {
			t.Errorf("mean of the largest probability %.3f at temperatures 10, 1 and 0.05", sharpness)
		}
	})
}

// TestGumbelInference wants the likeliest category, of several the first, and the same in every call.
func TestGumbelInference(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		got := call(backend, newStore(t), false, tensor([]float32{1, 2, 0, 5, 5, 5, -9, -8, -7}, 3, 1, 3),
			func(scope *model.Scope, x *Node) *Node { return GumbelSoftmax(scope, x, 1) })
		requireNear(t, "inference", flat(got), []float64{0, 1, 0, 1, 0, 0, 0, 0, 1}, 0)
	})
}

// TestGumbelGradient compares the gradient of Σ w⊙y with y ⊙ (w - Σ w⊙y) / temperature, for the sample y that was
// drawn, and the straight-through gradient with the same.
func TestGumbelGradient(t *testing.T) {
	const n, categories, temperature = 6, 4, 0.7
	logits, w := random(4, n*categories), random(5, n*categories)
	copy(logits, []float32{100, -100, 100, 0}) // and extremes
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store := newStore(t)
		out := model.MustCallOnceN(backend, store, func(scope *model.Scope, x, w *Node) []*Node {
			store.SetTraining(x.Graph(), true)
			y := GumbelSoftmax(scope, x, temperature)
			soft, hard := ReduceAllSum(Mul(w, y)), ReduceAllSum(Mul(w, StraightThrough(y)))
			return []*Node{y, Gradient(soft, x)[0], Gradient(hard, x)[0]}
		}, tensor(logits, n, categories), tensor(w, n, categories))
		y := flat(out[0])
		var want []float64
		for i := range n {
			dot := 0.0
			for k := range categories {
				dot += float64(w[i*categories+k]) * float64(y[i*categories+k])
			}
			for k := range categories {
				at := i*categories + k
				want = append(want, float64(y[at])*(float64(w[at])-dot)/temperature)
			}
		}
		for i, what := range []string{"soft", "straight-through"} {
			requireNear(t, fmt.Sprintf("%s gradient", what), flat(out[i+1]), want, 1e-5)
		}
	})
}
