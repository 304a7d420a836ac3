package loss_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/gantest"
	"gantry.local/gan/loss"
)

// given is a loss.Random whose draws are nodes, most often parameters of the test's graph.
type given struct {
	t               *testing.T
	uniform, normal *Node
}

func (r given) Uniform(shape shapes.Shape) *Node { return r.draw("uniform", r.uniform, shape) }
func (r given) Normal(shape shapes.Shape) *Node  { return r.draw("normal", r.normal, shape) }

func (r given) draw(kind string, node *Node, shape shapes.Shape) *Node {
	if node == nil || !node.Shape().Equal(shape) {
		r.t.Errorf("asked for %s numbers of shape %s", kind, shape)
	}
	return node
}

// judge is what a penalty sees: images held constant as in training, and what critic says of them.
func judge(critic func(*Node) *Node, real, fake *Node, random loss.Random) loss.Judged {
	fake = StopGradient(fake)
	return loss.Judged{Critic: critic, Real: real, Fake: fake, RealLogits: critic(real), FakeLogits: critic(fake), Random: random}
}

// slopePenalties are the penalties of a critic's slope, with what they ask of one sample's slope.
func slopePenalties() map[loss.Penalty]func(slope float64) float64 {
	square := func(x float64) float64 { return x * x }
	toOne := func(slope float64) float64 { return square(slope - 1) }
	zero := func(slope float64) float64 { return square(slope) / 2 }
	return map[loss.Penalty]func(float64) float64{
		loss.WGANGP(10): toOne, loss.DRAGAN(10): toOne, loss.R1(1): zero, loss.R2(1): zero,
		loss.OneSidedGP(10): func(slope float64) float64 { return square(max(0, slope-1)) },
	}
}

// randomFor is the draw that p asks for. mix: [batch, 1, 1, 1] in [0, 1); noise: as the images.
func randomFor(t *testing.T, p loss.Penalty, mix, noise *Node) loss.Random {
	switch p {
	case loss.WGANGP(10), loss.OneSidedGP(10):
		return given{t, mix, nil}
	case loss.DRAGAN(10):
		return given{t, nil, noise}
	}
	return given{t, nil, nil}
}

// flat is images as rows, [batch, values].
func flat(images *Node) *Node { return Reshape(images, images.Shape().Dimensions[0], -1) }

// hashed returns n numbers in [0, 1), as gan/testdata/parity.py and testdata/parity.py do.
func hashed(stream uint64, n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		x := stream<<32 + uint64(i) + 0x9E3779B97F4A7C15
		x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
		x = (x ^ x>>27) * 0x94D049BB133111EB
		x ^= x >> 31
		values[i] = float64(x>>40) / (1 << 24)
	}
	return values
}

// between returns numbers spread over [-limit, limit) in the given shape.
func between(stream uint64, limit float64, dims ...int) *tensors.Tensor {
	values := hashed(stream, shapes.Make(dtypes.Float64, dims...).Size())
	for i, v := range values {
		values[i] = (v*2 - 1) * limit
	}
	return tensors.FromFlatDataAndDimensions(values, dims...)
}

func copied(t *tensors.Tensor) []float64 { return tensors.MustCopyFlatData[float64](t) }

// TestPenaltyOfLinearCritic: the slope of D(x) = w·x is ‖w‖ wherever x is. It is 0 and 1 exactly among others, so the
// table has the zeros of every penalty, and the kink of the root.
func TestPenaltyOfLinearCritic(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		real, fake, noise := between(1, 1, 3, 2, 2, 1), between(2, 1, 3, 2, 2, 1), between(3, 1, 3, 2, 2, 1)
		mix := tensors.FromFlatDataAndDimensions(hashed(4, 3), 3, 1, 1, 1)
		for p, want := range slopePenalties() {
			exec := MustNewExec(backend, func(w, real, fake, mix, noise *Node) []*Node {
				critic := func(x *Node) *Node { return MatMul(flat(x), w) }
				term := p.Term(judge(critic, real, fake, randomFor(t, p, mix, noise)))
				wide := func(x *Node) *Node { // class logits behind the logit change nothing
					return Concatenate([]*Node{critic(x), MulScalar(flat(x), 100)}, -1)
				}
				return []*Node{term, Gradient(term, w)[0], p.Term(judge(wide, real, fake, randomFor(t, p, mix, noise)))}
			})
			for _, w := range [][]float64{{0, 0, 0, 0}, {0.25, 0.25, -0.25, 0.25}, {0.5, -0.5, 0.5, 0.5}, {1, 0, 0, 0}, {0, 3, 0, 4},
				{100, 0, 0, 0}} {
				norm := math.Sqrt(w[0]*w[0] + w[1]*w[1] + w[2]*w[2] + w[3]*w[3])
				out := exec.MustCall(columns(w), real, fake, mix, noise)
				if got := copied(out[0])[0]; out[0].Rank() != 0 || math.Abs(got-want(norm)) > 1e-5*norm*norm+2e-6 {
					t.Errorf("%v at slope %g: %g, want %g", p, norm, got, want(norm))
				}
				if got, wide := copied(out[0])[0], copied(out[2])[0]; math.Abs(got-wide) > 1e-12*norm*norm {
					t.Errorf("%v at slope %g: %g, and with class logits %g", p, norm, got, wide)
				}
				const h = 1e-6
				derivative := (want(norm+h) - want(max(norm-h, 0))) / (norm + h - max(norm-h, 0))
				for i, got := range copied(out[1]) {
					along := 0.0 // the gradient at slope 0 is 0 by symmetry
					if norm > 0 {
						along = derivative * w[i] / norm
					}
					if math.IsNaN(got) || math.Abs(got-along) > 1e-5*max(1, norm) {
						t.Errorf("%v at slope %g: gradient by weight %d is %g, want %g", p, norm, i, got, along)
					}
				}
			}
		}
	})
}

// TestPenaltyOfQuadraticCritic: the slope of D(x) = ½‖x‖² is ‖x‖, which tells where a penalty looks.
func TestPenaltyOfQuadraticCritic(t *testing.T) {
	const batch, size = 3, 4
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		real, fake, noise := between(1, 1, batch, 2, 2, 1), between(2, 2, batch, 2, 2, 1), between(3, 1.5, batch, 2, 2, 1)
		mix := tensors.FromFlatDataAndDimensions(hashed(4, batch), batch, 1, 1, 1)
		x, y, n, ε := copied(real), copied(fake), copied(noise), copied(mix)
		center, variance := 0.0, 0.0
		for _, v := range x {
			center += v / float64(len(x))
		}
		for _, v := range x {
			variance += (v - center) * (v - center) / float64(len(x))
		}
		where := map[loss.Penalty]func(i int) float64{ // value i of the place where p looks
			loss.WGANGP(10):     func(i int) float64 { return ε[i/size]*x[i] + (1-ε[i/size])*y[i] },
			loss.OneSidedGP(10): func(i int) float64 { return ε[i/size]*x[i] + (1-ε[i/size])*y[i] },
			loss.R1(1):          func(i int) float64 { return x[i] },
			loss.R2(1):          func(i int) float64 { return y[i] },
			loss.DRAGAN(10):     func(i int) float64 { return x[i] + n[i]*math.Sqrt(variance)/2 },
		}
		for p, ask := range slopePenalties() {
			exec := MustNewExec(backend, func(real, fake, mix, noise *Node) *Node {
				critic := func(x *Node) *Node { return MulScalar(ReduceAndKeep(Square(flat(x)), ReduceSum, -1), 0.5) }
				return p.Term(judge(critic, real, fake, randomFor(t, p, mix, noise)))
			})
			want := 0.0
			for sample := range batch {
				square := 0.0
				for i := range size {
					square += math.Pow(where[p](sample*size+i), 2)
				}
				want += ask(math.Sqrt(square)) / batch
			}
			if got := copied(exec.MustCall1(real, fake, mix, noise))[0]; math.Abs(got-want) > 1e-10 {
				t.Errorf("%v is %g, want %g", p, got, want)
			}
		}
	})
}

// TestConsistency moves one image by each of the 25 offsets and compares with the same in plain Go.
func TestConsistency(t *testing.T) {
	const height, width, channels = 3, 4, 2
	image := func(values []float64, y, x, channel int) float64 {
		y, x = min(max(y, 0), height-1), min(max(x, 0), width-1)
		return values[(y*width+x)*channels+channel]
	}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		real, fake := between(1, 1, 1, height, width, channels), between(2, 1, 1, height, width, channels)
		weights := between(3, 1, height*width*channels, 1)
		square := func(values []float64, dy, dx int) float64 { // (D(x) - D(T(x)))² of a linear critic
			difference := 0.0
			for i, w := range copied(weights) {
				y, x, channel := i/channels/width, i/channels%width, i%channels
				difference += w * (image(values, y, x, channel) - image(values, y-dy, x-dx, channel))
			}
			return difference * difference
		}
		exec := MustNewExec(backend, func(real, fake, draw, w *Node) []*Node {
			j := judge(func(x *Node) *Node { return MatMul(flat(x), w) }, real, fake, given{t, draw, nil})
			return []*Node{loss.Consistency(10).Term(j), loss.BalancedConsistency(10).Term(j)}
		})
		for dy := -2; dy <= 2; dy++ {
			for dx := -2; dx <= 2; dx++ {
				// The smallest and the largest draws of an offset in turn.
				draw := [][]float64{{(float64(dy) + 2) / 5, (float64(dx) + 2.999) / 5}}
				out := exec.MustCall(real, fake, draw, weights)
				first := square(copied(real), dy, dx)
				for i, want := range []float64{first, first + square(copied(fake), dy, dx)} {
					if got := copied(out[i])[0]; math.Abs(got-want) > 1e-12 {
						t.Errorf("balanced %v, moved by %d, %d: %g, want %g", i == 1, dy, dx, got, want)
					}
				}
			}
		}
	})
}

// TestConsistencyIsZero where moving changes nothing: plain images, each of another grey.
func TestConsistencyIsZero(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		exec := MustNewExec(backend, func(grey, draw *Node) *Node {
			plain := BroadcastToDims(grey, 4, 3, 3, 1)
			critic := func(x *Node) *Node { return ReduceAndKeep(flat(x), ReduceSum, -1) }
			return loss.BalancedConsistency(10).Term(judge(critic, plain, Neg(plain), given{t, draw, nil}))
		})
		if got := copied(exec.MustCall1(between(1, 1, 4, 1, 1, 1), tensors.FromFlatDataAndDimensions(hashed(2, 8), 4, 2)))[0]; got != 0 {
			t.Errorf("%g, want 0", got)
		}
	})
}

// perceptron is a critic of two layers with its weights as nodes.
type perceptron struct {
	w1, b1, w2, b2 *Node
	activation     func(*Node) *Node
}

func (c perceptron) judge(images *Node) *Node {
	hidden := c.activation(Add(MatMul(flat(images), c.w1), InsertAxes(c.b1, 0)))
	return Add(MatMul(hidden, c.w2), InsertAxes(c.b2, 0))
}

func linear(x *Node) *Node { return x }

func leaky(x *Node) *Node { return Where(GreaterThan(x, ZerosLike(x)), x, MulScalar(x, 0.2)) }

// all builds every penalty of a critic.
func all(t *testing.T, critic func(*Node) *Node, real, fake, mix, noise, moves *Node) []*Node {
	var terms []*Node
	for _, p := range loss.Penalties() {
		random := randomFor(t, p, mix, noise)
		if strings.Contains(p.String(), "consistency") {
			random = given{t, moves, nil}
		}
		terms = append(terms, p.Term(judge(critic, real, fake, random)))
	}
	return terms
}

// images are the arguments of all in one dtype, four images of 3×2 pixels.
func images(dtype dtypes.DType) []any {
	return as(dtype, between(1, 1, 4, 3, 2, 1), between(2, 1, 4, 3, 2, 1), tensors.FromFlatDataAndDimensions(hashed(3, 4), 4, 1, 1, 1),
		between(4, 1.5, 4, 3, 2, 1), tensors.FromFlatDataAndDimensions(hashed(5, 8), 4, 2))
}

// as converts float64 tensors to dtype.
func as(dtype dtypes.DType, values ...*tensors.Tensor) []any {
	var converted []any
	for _, value := range values {
		if dtype == dtypes.Float32 {
			var narrow []float32
			for _, v := range copied(value) {
				narrow = append(narrow, float32(v))
			}
			value = tensors.FromFlatDataAndDimensions(narrow, value.Shape().Dimensions...)
		}
		converted = append(converted, value)
	}
	return converted
}

// wide is a tensor's values in float64.
func wide(value *tensors.Tensor) []float64 {
	if value.DType() == dtypes.Float64 {
		return copied(value)
	}
	var values []float64
	for _, v := range tensors.MustCopyFlatData[float32](value) {
		values = append(values, float64(v))
	}
	return values
}

// TestSecondDerivatives compares the gradient of every penalty by every weight of a perceptron with the central
// difference of the penalty itself: within 1e-6 in float64, and in float32 within 1e-3 of the larger of 1 and the
// gradient, which is what the difference's rounding and its step leave.
func TestSecondDerivatives(t *testing.T) {
	const hidden = 3
	activations := map[string]func(*Node) *Node{"tanh": Tanh, "leaky": leaky}
	precisions := map[dtypes.DType]struct{ h, tolerance float64 }{dtypes.Float64: {1e-5, 1e-6}, dtypes.Float32: {1.0 / 64, 1e-3}}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for name, activation := range activations {
			for dtype, precision := range precisions {
				exec := MustNewExec(backend, func(inputs []*Node) []*Node {
					critic := perceptron{inputs[0], inputs[1], inputs[2], inputs[3], activation}
					terms := all(t, critic.judge, inputs[4], inputs[5], inputs[6], inputs[7], inputs[8])
					outputs := []*Node{Stack(terms, 0)}
					for _, term := range terms {
						outputs = append(outputs, Gradient(term, inputs[:4]...)...)
					}
					return outputs
				})
				// Biases of ±3 keep the leaky units away from their kink, also on the other side of a step of h.
				biases := []float64{0.3, -0.2, 0.1}
				if name == "leaky" {
					biases = []float64{3, -3, 3}
				}
				weights := []*tensors.Tensor{between(6, 1, 6, hidden), tensors.FromFlatDataAndDimensions(biases, hidden),
					between(7, 1.5, hidden, 1), tensors.FromFlatDataAndDimensions([]float64{0.4}, 1)}
				slopes := exec.MustCall(append(as(dtype, weights...), images(dtype)...)...)[1:]
				largest := make([]float64, len(loss.Penalties()))
				for w, weight := range weights {
					at := copied(weight)
					for i := range at {
						step := func(by float64) []float64 {
							moved := slices.Clone(weights)
							changed := slices.Clone(at)
							changed[i] += by
							moved[w] = tensors.FromFlatDataAndDimensions(changed, weight.Shape().Dimensions...)
							return wide(exec.MustCall(append(as(dtype, moved...), images(dtype)...)...)[0])
						}
						above, below := step(precision.h), step(-precision.h)
						for k, p := range loss.Penalties() {
							got, want := wide(slopes[k*4+w])[i], (above[k]-below[k])/(2*precision.h)
							if !(math.Abs(got-want) <= precision.tolerance*max(1, math.Abs(want))) {
								t.Errorf("%v, %s, %s: gradient by value %d of weight %d is %g, central difference %g", p, name, dtype, i, w, got, want)
							}
							largest[k] = max(largest[k], math.Abs(got))
						}
					}
				}
				for k, p := range loss.Penalties() {
					if largest[k] < 0.01 {
						t.Errorf("%v, %s: the largest gradient is %g, so nothing was compared", p, name, largest[k])
					}
				}
			}
		}
	})
}

// TestPenaltiesAreFinite in float32 where logits are ±100, where units are saturated and where the critic is flat.
func TestPenaltiesAreFinite(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		exec := MustNewExec(backend, func(inputs []*Node) []*Node {
			critic := perceptron{inputs[0], inputs[1], inputs[2], inputs[3], Tanh}
			terms := all(t, critic.judge, inputs[4], inputs[5], inputs[6], inputs[7], inputs[8])
			outputs := []*Node{critic.judge(inputs[4]), Stack(terms, 0)}
			for _, term := range terms {
				outputs = append(outputs, Gradient(term, inputs[:4]...)...)
			}
			return outputs
		})
		for _, c := range []struct {
			what          string
			w1, b1, w2    float64 // limits of the weights
			least, most   float64 // bounds of the logits' sizes
			wantFlat      bool
			expectedTerms []float64
		}{
			{"logits of ±100", 10, 1, 90, 50, 200, false, nil},
			{"saturated units", 1e6, 1, 1, 0, 10, true, nil},
			{"no weights", 0, 0, 0, 0, 0, true, []float64{1, 0, 0, 0, 1, 0, 0}},
			{"no output weights", 1, 1, 0, 0, 0, true, []float64{1, 0, 0, 0, 1, 0, 0}},
		} {
			out := exec.MustCall(append(as(dtypes.Float32, between(6, c.w1, 6, 3), between(7, c.b1, 3), between(8, c.w2, 3, 1),
				between(9, c.w2, 1)), images(dtypes.Float32)...)...)
			size := 0.0
			for _, logit := range wide(out[0]) {
				size = max(size, math.Abs(logit))
			}
			if size < c.least || size > c.most {
				t.Errorf("%s: the largest logit is %g", c.what, size)
			}
			for i, tensor := range out {
				for _, v := range wide(tensor) {
					if math.IsNaN(v) || math.IsInf(v, 0) {
						t.Errorf("%s: output %d has a %g", c.what, i, v)
					}
				}
			}
			terms := wide(out[1])
			for k, p := range loss.Penalties() {
				if terms[k] < 0 {
					t.Errorf("%s: %v is %g", c.what, p, terms[k])
				}
				if c.expectedTerms != nil && math.Abs(terms[k]-c.expectedTerms[k]) > 1e-5 {
					t.Errorf("%s: %v is %g, want %g", c.what, p, terms[k], c.expectedTerms[k])
				}
			}
		}
	})
}

// TestPenaltiesRefuse shapes that do not fit, in one line that says which.
func TestPenaltiesRefuse(t *testing.T) {
	backend := gantest.Go(t)
	sum := func(x *Node) *Node { return ReduceAndKeep(flat(x), ReduceSum, -1) }
	for _, c := range []struct {
		penalty    loss.Penalty
		critic     func(*Node) *Node
		real, fake []int
		word       string
	}{
		{loss.WGANGP(1), sum, []int{3, 2, 2, 1}, []int{2, 2, 2, 1}, "one shape"},
		{loss.R1(1), func(x *Node) *Node { return ReduceSum(flat(x), -1) }, []int{3, 2, 2, 1}, []int{3, 2, 2, 1}, "[batch, 1+classes]"},
		{loss.Consistency(1), sum, []int{3, 1, 1, 2}, []int{3, 1, 1, 2}, "single pixel"},
		{loss.Consistency(1), sum, []int{3, 4}, []int{3, 4}, "[batch, height, width, channels]"},
	} {
		_, err := MustNewExec(backend, func(real, fake *Node) *Node {
			return c.penalty.Term(loss.Judged{Critic: c.critic, Real: real, Fake: fake})
		}).Call(between(1, 1, c.real...), between(2, 1, c.fake...))
		if err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%v of %v and %v: error %v does not say %q", c.penalty, c.real, c.fake, err, c.word)
		}
	}
}

// TestPenaltyKinds wants every penalty again by its String.
func TestPenaltyKinds(t *testing.T) {
	kinds := loss.PenaltyKinds()
	for i, p := range loss.Penalties() {
		name := kinds.Names()[i]
		for _, weight := range []float64{0, 1e-7, 0.1 + 0.2, 10} {
			got, err := kinds.Parse(fmt.Sprintf("%s weight %v", name, weight))
			if err != nil || got.Weight() != weight || !strings.HasPrefix(got.String(), name+" weight ") {
				t.Fatalf("%s of weight %g is %v, %v", name, weight, got, err)
			}
			if again, err := kinds.Parse(got.String()); err != nil || again != got {
				t.Errorf("%q became %v, %v", got, again, err)
			}
			if text, is := kinds.Text(got); !is || weight == p.Weight() && text != name {
				t.Errorf("the text of %v is %q", got, text)
			}
		}
	}
	for _, text := range []string{"", "R1", "gp", "r3 weight 1"} {
		_, err := kinds.Parse(text)
		for _, word := range append([]string{"wgan-gp", "balanced consistency"}, fmt.Sprintf("%q", strings.TrimSuffix(text, " weight 1"))) {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%q: error %v does not say %s", text, err, word)
			}
		}
	}
	for _, value := range []string{"x", "-1", "NaN", "Inf"} {
		if _, err := kinds.Parse("r1 weight " + value); err == nil || !strings.Contains(err.Error(), "weight "+value+": want a number from 0 on") {
			t.Errorf("a weight of %s: %v", value, err)
		}
	}
}
