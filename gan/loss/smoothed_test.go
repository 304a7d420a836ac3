package loss_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/gantest"
	"gantry.local/gan/loss"
)

// TestSmoothedNames: what is wrong with a smoothed loss is said where it is named.
func TestSmoothedNames(t *testing.T) {
	if got := (loss.Smoothed{}).String(); got != "smoothed" {
		t.Errorf("the zero value is called %q", got)
	}
	if got, want := (loss.Smoothed{FakeLabel: 0.1, Saturating: true}).String(), "smoothed real 0.9 fake 0.1 saturating"; got != want {
		t.Errorf("called %q, want %q", got, want)
	}
	for name, word := range map[string]string{
		"smoothed reel 0.9":          "did you mean real?",
		"smoothed real 0.9 fake":     "fake has no value: want a number from 0 to 1",
		"smoothed real 0.9 fake low": "fake low: want a number from 0 to 1",
		"smoothed real 0.1 fake 0.9": "0 ≤ fake < real ≤ 1",
		"smoothed real 1.1 fake 0":   "want a number from 0 to 1",
		"smoothed real 1 fake -0.1":  "want a number from 0 to 1",
		"smoothed real nan fake 0":   "want a number from 0 to 1",
	} {
		if _, err := loss.Named(name); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("Named(%q): error %v does not say %s", name, err, word)
		}
	}
}

// TestSmoothedOptimum: the gradient vanishes at the logit whose probability is the label, and pushes back from beyond.
func TestSmoothedOptimum(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		l := loss.Smoothed{RealLabel: 0.875}
		slope := MustNewExec(backend, func(logits *Node) *Node { return Gradient(l.Real(logits), logits)[0] })
		best := math.Log(7)
		got := tensors.MustCopyFlatData[float64](slope.MustCall1([][]float64{{best - 1}, {best}, {best + 1}}))
		if !(got[0] < 0 && math.Abs(got[1]) < 1e-12 && got[2] > 0) {
			t.Errorf("slopes before, at and beyond the best logit are %v", got)
		}
	})
}

func TestSmoothedRefusesImpossibleLabels(t *testing.T) {
	l := loss.Smoothed{RealLabel: 0.5, FakeLabel: 0.5}
	_, err := MustNewExec(gantest.Go(t), l.Critic).Call([][]float32{{0}}, [][]float32{{0}})
	if err == nil || !strings.Contains(err.Error(), "0 ≤ fake < real ≤ 1") {
		t.Errorf("error %v", err)
	}
}

// TestSwapLabels swaps the pairs whose draw is below the probability, and no other.
func TestSwapLabels(t *testing.T) {
	draws := []float64{0, 0.25, 0.5, 0.75, 0.999}
	real, fake := []float64{1, 2, 3, 4, 5}, []float64{-1, -2, -3, -4, -5}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, probability := range []float64{0, 0.1, 0.5, 0.7, 1} {
			exec := MustNewExec(backend, func(real, fake, draw *Node) []*Node {
				r, f := loss.SwapLabels(real, fake, probability, given{t, draw, nil})
				return append([]*Node{r, f}, Gradient(loss.Wasserstein.Critic(r, f), real, fake)...)
			})
			out := exec.MustCall(columns(real), columns(fake), columns(draws))
			for i, draw := range draws {
				sign := 1.0
				if draw < probability {
					sign = -1
				}
				want := []float64{sign * real[i], sign * fake[i], -sign / 5, sign / 5}
				for j, values := range out {
					if got := tensors.MustCopyFlatData[float64](values)[i]; math.Abs(got-want[j]) > 1e-15 {
						t.Errorf("probability %g, draw %g: %s is %g, want %g", probability, draw,
							[]string{"real", "fake", "slope of real", "slope of fake"}[j], got, want[j])
					}
				}
			}
		}
	})
}

func TestSwapLabelsRefuses(t *testing.T) {
	backend := gantest.Go(t)
	for _, c := range []struct {
		probability float64
		fakes       int
		word        string
	}{{-0.1, 2, "0 to 1"}, {1.1, 2, "0 to 1"}, {math.NaN(), 2, "0 to 1"}, {0.5, 3, "one shape"}} {
		_, err := MustNewExec(backend, func(real, fake *Node) []*Node {
			r, f := loss.SwapLabels(real, fake, c.probability, nil)
			return []*Node{r, f}
		}).Call(columns(make([]float64, 2)), columns(make([]float64, c.fakes)))
		if err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("probability %g, %d fake logits: error %v does not say %q", c.probability, c.fakes, err, c.word)
		}
	}
}

func columns(values []float64) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(values, len(values), 1)
}
