package loss_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/gantest"
	"gantry.local/gan/loss"
)

// formula is a loss written down once more, in float64 and as published.
type formula struct {
	real, fake      func(logit float64) float64 // summands of the critic's objective
	generator       func(logit float64) float64
	realSlope       func(logit float64) float64 // and their derivatives
	fakeSlope       func(logit float64) float64
	generatorSlopes func(logit float64) float64
}

func formulas() map[loss.Loss]formula {
	sigma := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	negLogSigma := func(x float64) float64 { // -log σ(x) in the half where it is precise
		if x < 0 {
			return -x + math.Log1p(math.Exp(x))
		}
		return math.Log1p(math.Exp(-x))
	}
	negLogOneMinusSigma := func(x float64) float64 { return negLogSigma(-x) }
	realSlope := func(x float64) float64 { return -sigma(-x) }
	crossEntropy := formula{real: negLogSigma, fake: negLogOneMinusSigma, realSlope: realSlope, fakeSlope: sigma}

	nonSaturating, saturating := crossEntropy, crossEntropy
	nonSaturating.generator, nonSaturating.generatorSlopes = negLogSigma, realSlope
	saturating.generator = func(x float64) float64 { return -negLogOneMinusSigma(x) }
	saturating.generatorSlopes = func(x float64) float64 { return -sigma(x) }

	same, negative := func(x float64) float64 { return x }, func(x float64) float64 { return -x }
	one, minusOne := func(float64) float64 { return 1 }, func(float64) float64 { return -1 }
	wasserstein := formula{negative, same, negative, minusOne, one, minusOne}

	toOne := func(x float64) float64 { return (x - 1) * (x - 1) / 2 }
	leastSquares := formula{
		real: toOne, fake: func(x float64) float64 { return x * x / 2 }, generator: toOne,
		realSlope: func(x float64) float64 { return x - 1 }, fakeSlope: same,
		generatorSlopes: func(x float64) float64 { return x - 1 }}

	hinge := formula{
		real: func(x float64) float64 { return max(0, 1-x) }, fake: func(x float64) float64 { return max(0, 1+x) },
		generator: negative, generatorSlopes: minusOne,
		realSlope: func(x float64) float64 {
			if x < 1 {
				return -1
			}
			return 0
		},
		fakeSlope: func(x float64) float64 {
			if x > -1 {
				return 1
			}
			return 0
		}}
	soft := func(label float64) (value, slope func(float64) float64) {
		return func(x float64) float64 { return label*negLogSigma(x) + (1-label)*negLogOneMinusSigma(x) },
			func(x float64) float64 { return sigma(x) - label }
	}
	smoothed := func(realLabel, fakeLabel float64, generator formula) formula {
		f := generator
		f.real, f.realSlope = soft(realLabel)
		f.fake, f.fakeSlope = soft(fakeLabel)
		return f
	}
	return map[loss.Loss]formula{loss.NonSaturating: nonSaturating, loss.Saturating: saturating,
		loss.Wasserstein: wasserstein, loss.LeastSquares: leastSquares, loss.Hinge: hinge,
		loss.Smoothed{RealLabel: 0.9}:                                      smoothed(0.9, 0, nonSaturating),
		loss.Smoothed{RealLabel: 1, FakeLabel: 0.25}:                       smoothed(1, 0.25, nonSaturating),
		loss.Smoothed{RealLabel: 0.75, FakeLabel: 0.125, Saturating: true}: smoothed(0.75, 0.125, saturating)}
}

// batches are pairs of real and fake logits.
func batches() [][2][]float32 {
	table := []float32{-100, -10, -1, 0, 1, 10, 100}
	pairs := [][2][]float32{{table, {100, 10, 1, 0, -1, -10, -100}}, {table, {3, -2, 0.5, 0.25, -0.125, 7, -7}}}
	for _, real := range table {
		for _, fake := range table {
			pairs = append(pairs, [2][]float32{{real}, {fake}})
		}
	}
	return pairs
}

func mean(values []float32, f func(float64) float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += f(float64(v))
	}
	return sum / float64(len(values))
}

func column(values []float32) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(values, len(values), 1)
}

// generator is l's, without the real logits where it promises to do without.
func generator(l loss.Loss, real, fake *Node) *Node {
	if _, separable := l.(loss.Halves); separable {
		real = nil
	}
	return l.Generator(real, fake)
}

// near allows for float32: a relative error of 1e-5, and an absolute one below the smallest number of interest.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-5*math.Abs(want)+1e-7 }

func TestEveryLossHasAFormula(t *testing.T) {
	known := formulas()
	for _, l := range loss.All() {
		_, found := known[l]
		if _, separable := l.(loss.Halves); separable != found {
			t.Errorf("loss %v: separable %v, but among this file's formulas of separable losses %v", l, separable, found)
		}
	}
}

// TestValues compares every objective with its formula in float64.
func TestValues(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for l, f := range formulas() {
			halves := l.(loss.Halves)
			exec := MustNewExec(backend, func(real, fake *Node) []*Node {
				return []*Node{l.Critic(real, fake), l.Generator(nil, fake), halves.Real(real), halves.Fake(fake)}
			})
			for _, pair := range batches() {
				real, fake := mean(pair[0], f.real), mean(pair[1], f.fake)
				want := []float64{real + fake, mean(pair[1], f.generator), real, fake}
				for i, out := range exec.MustCall(column(pair[0]), column(pair[1])) {
					if out.Rank() != 0 {
						t.Fatalf("%v returns %s, want a scalar", l, out.Shape())
					}
					if got := float64(tensors.ToScalar[float32](out)); !near(got, want[i]) {
						t.Errorf("%v of real %v and fake %v: %s is %g, want %g", l, pair[0], pair[1],
							[]string{"critic", "generator", "real half", "fake half"}[i], got, want[i])
					}
				}
			}
		}
	})
}

// TestGradients compares gradients with the published derivatives at every logit, ±100 included.
func TestGradients(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for l, f := range formulas() {
			exec := MustNewExec(backend, func(real, fake *Node) []*Node {
				critic := Gradient(l.Critic(real, fake), real, fake)
				return append(critic, Gradient(l.Generator(nil, fake), fake)...)
			})
			for _, pair := range batches() {
				out := exec.MustCall(column(pair[0]), column(pair[1]))
				for i, c := range []struct {
					what   string
					logits []float32
					slope  func(float64) float64
				}{
					{"critic by real", pair[0], f.realSlope}, {"critic by fake", pair[1], f.fakeSlope},
					{"generator by fake", pair[1], f.generatorSlopes},
				} {
					for j, got := range tensors.MustCopyFlatData[float32](out[i]) {
						want := c.slope(float64(c.logits[j])) / float64(len(c.logits))
						if !near(float64(got), want) {
							t.Errorf("%v: gradient of %s at logit %g is %g, want %g", l, c.what, c.logits[j], got, want)
						}
					}
				}
			}
		}
	})
}

// TestRelativistic compares both members with their formulas in float64, and the gradients with the derivatives.
func TestRelativistic(t *testing.T) {
	softplus := func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
	sigma := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	same := func(x float64) float64 { return x }
	paired := func(real, fake []float32) (value float64, byReal, byFake []float64) {
		n := float64(len(real))
		for i := range real {
			d := float64(fake[i]) - float64(real[i])
			value += softplus(d) / n
			byReal, byFake = append(byReal, -sigma(d)/n), append(byFake, sigma(d)/n)
		}
		return value, byReal, byFake
	}
	average := func(real, fake []float32) (value float64, byReal, byFake []float64) {
		meanReal, meanFake, n := mean(real, same), mean(fake, same), float64(len(real))
		value = mean(real, func(x float64) float64 { return softplus(meanFake - x) }) +
			mean(fake, func(x float64) float64 { return softplus(x - meanReal) })
		slopeReal := mean(real, func(x float64) float64 { return sigma(meanFake - x) })
		slopeFake := mean(fake, func(x float64) float64 { return sigma(x - meanReal) })
		for i := range real {
			byReal = append(byReal, -(sigma(meanFake-float64(real[i]))+slopeFake)/n)
			byFake = append(byFake, (sigma(float64(fake[i])-meanReal)+slopeReal)/n)
		}
		return value, byReal, byFake
	}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for l, critic := range map[loss.Loss]func(real, fake []float32) (float64, []float64, []float64){
			loss.Paired: paired, loss.Average: average} {
			exec := MustNewExec(backend, func(real, fake *Node) []*Node {
				c, g := l.Critic(real, fake), l.Generator(real, fake)
				return append(append([]*Node{c, g}, Gradient(c, real, fake)...), Gradient(g, real, fake)...)
			})
			for _, pair := range batches() {
				value, byReal, byFake := critic(pair[0], pair[1])
				swapped, generatorByFake, generatorByReal := critic(pair[1], pair[0])
				want := [][]float64{{value}, {swapped}, byReal, byFake, generatorByReal, generatorByFake}
				for i, out := range exec.MustCall(column(pair[0]), column(pair[1])) {
					for j, got := range tensors.MustCopyFlatData[float32](out) {
						if !near(float64(got), want[i][j]) {
							t.Errorf("%v of real %v and fake %v: %s %d is %g, want %g", l, pair[0], pair[1], []string{"critic loss",
								"generator loss", "critic by real", "critic by fake", "generator by real", "generator by fake"}[i], j, got, want[i][j])
						}
					}
				}
			}
		}
	})
}

// TestCurvature compares the second derivative of the cross-entropy with σ(x)σ(-x), at 0 too: an unrolled critic is
// differentiated through its gradient.
func TestCurvature(t *testing.T) {
	logits := []float64{-100, -10, -1, 0, 1, 10, 100}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for name, half := range map[string]func(*Node) *Node{"real": loss.NonSaturating.Real, "fake": loss.NonSaturating.Fake} {
			curvature := MustNewExec(backend, func(x *Node) *Node {
				return Gradient(ReduceAllSum(Gradient(half(x), x)[0]), x)[0]
			})
			for i, got := range copied(curvature.MustCall1(columns(logits))) {
				x := math.Abs(logits[i])
				want := math.Exp(-x) / math.Pow(1+math.Exp(-x), 2) / float64(len(logits))
				if math.Abs(got-want) > 1e-12*want+1e-30 {
					t.Errorf("%s at logit %g: %g, want %g", name, logits[i], got, want)
				}
			}
		}
	})
}

// TestFiniteDifferences compares each gradient with the central difference of the loss itself, as the backend computes
// both; no formula of this file is involved.
func TestFiniteDifferences(t *testing.T) {
	const h = 1.0 / 64 // a power of two, so that logits ± h are exact
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, l := range loss.All() {
			for what, objective := range map[string]func(real, fake *Node) *Node{
				"critic":    l.Critic,
				"generator": func(real, fake *Node) *Node { return generator(l, real, fake) },
			} {
				// Float64 here, so that the difference is not lost in rounding.
				value := MustNewExec(backend, objective)
				gradient := MustNewExec(backend, func(real, fake *Node) []*Node {
					return Gradient(objective(real, fake), real, fake)
				})
				at := [2][]float64{{-10, -1, 0, 1.5, 10}, {3, 0.5, 0, -2, -7}} // no kink of the hinge
				call := func(point [2][]float64) float64 {
					out := value.MustCall1(tensors.FromFlatDataAndDimensions(point[0], 5, 1),
						tensors.FromFlatDataAndDimensions(point[1], 5, 1))
					return tensors.ToScalar[float64](out)
				}
				slopes := gradient.MustCall(tensors.FromFlatDataAndDimensions(at[0], 5, 1),
					tensors.FromFlatDataAndDimensions(at[1], 5, 1))
				for side := range at {
					analytic := tensors.MustCopyFlatData[float64](slopes[side])
					for i, logit := range at[side] {
						at[side][i] = logit + h
						above := call(at)
						at[side][i] = logit - h
						below := call(at)
						at[side][i] = logit
						if numeric := (above - below) / (2 * h); math.Abs(numeric-analytic[i]) > 1e-5 {
							t.Errorf("%v %s: gradient by %s logit %g is %g, central difference %g", l, what,
								[]string{"real", "fake"}[side], logit, analytic[i], numeric)
						}
					}
				}
			}
		}
	})
}

// TestFiniteAtExtremes goes far beyond ±100, where exp overflows float32.
func TestFiniteAtExtremes(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, l := range loss.All() {
			exec := MustNewExec(backend, func(real, fake *Node) []*Node {
				critic, generator := l.Critic(real, fake), generator(l, real, fake)
				return append(Gradient(Add(critic, generator), real, fake), critic, generator)
			})
			largest := float32(1e30)
			if l == loss.LeastSquares {
				largest = 1e18 // whose square float32 holds
			}
			for _, extreme := range []float32{100, 1e4, largest} {
				for _, out := range exec.MustCall(column([]float32{extreme, -extreme}), column([]float32{-extreme, extreme})) {
					for _, v := range tensors.MustCopyFlatData[float32](out) {
						if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
							t.Errorf("%v at logits ±%g: a value or gradient is %g", l, extreme, v)
						}
					}
				}
			}
		}
	})
}

func TestNamed(t *testing.T) {
	for _, l := range append(loss.All(), loss.Smoothed{RealLabel: 1, FakeLabel: 0.1}, loss.Smoothed{RealLabel: 0.9, Saturating: true},
		loss.Smoothed{RealLabel: 0.1 + 0.2, FakeLabel: 1e-7, Saturating: true}) {
		if got, err := loss.Named(l.String()); err != nil || got != l {
			t.Errorf("Named(%q) = %v, %v", l.String(), got, err)
		}
	}
	for _, name := range []string{"", "minimax", "Wasserstein"} {
		_, err := loss.Named(name)
		if err == nil {
			t.Errorf("Named(%q) is no error", name)
			continue
		}
		for _, word := range []string{fmt.Sprintf("%q", name), "non-saturating", "saturating", "smoothed", "wasserstein"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("Named(%q): error %q does not say %s", name, err, word)
			}
		}
	}
}
