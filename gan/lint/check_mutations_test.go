package lint_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/sample"
)

// renamed is a loss under another name, scaled one with another size, and turned one with the signs of its logits turned.
type (
	renamed struct{ loss.Halves }
	scaled  struct {
		loss.Loss
		factor float64
	}
	turned struct{ loss.Loss }
)

func (renamed) String() string { return "renamed" }

func (l scaled) Critic(real, fake *Node) *Node { return MulScalar(l.Loss.Critic(real, fake), l.factor) }
func (l scaled) Generator(real, fake *Node) *Node {
	if real == nil {
		real = fake
	}
	return MulScalar(l.Loss.Generator(real, fake), l.factor)
}
func (scaled) String() string { return "scaled" }

func (l turned) Critic(real, fake *Node) *Node { return l.Loss.Critic(Neg(real), Neg(fake)) }
func (l turned) Generator(real, fake *Node) *Node {
	if real == nil {
		real = fake
	}
	return l.Loss.Generator(Neg(real), Neg(fake))
}
func (turned) String() string { return "turned" }

// TestCheckKnowsLossesByWhatTheyDo wraps every loss, and wants the wrapped one to be found what the bare one is: without a
// gradient where the critic is sure, or without a lower bound.
func TestCheckKnowsLossesByWhatTheyDo(t *testing.T) {
	want := map[string][]string{"saturating": {"saturating generator"}, "wasserstein": {"no lipschitz constraint"},
		"smoothed real 0.9 fake 0 saturating": {"saturating generator"}, "smoothed real 0.7 fake 0.2 saturating": {"saturating generator"}}
	all := append(loss.All(), loss.Smoothed{Saturating: true}, loss.Smoothed{RealLabel: 0.7, FakeLabel: 0.2, Saturating: true},
		loss.Smoothed{RealLabel: 1})
	for _, l := range all {
		forms := map[string]loss.Loss{"bare": l, "scaled": scaled{l, 0.1}, "turned": turned{l}}
		if halves, separable := l.(loss.Halves); separable {
			forms["renamed"] = renamed{halves}
		}
		for form, l2 := range forms {
			exp := tiny.Experiment(method.Alternating{})
			exp.Loss = l2
			if found := exp.Check(); !slices.Equal(rules(found), want[l.String()]) {
				t.Errorf("%v, %s: found %v, want %v", l, form, found, want[l.String()])
			}
		}
	}
}

// own is a penalty of a user, under any name.
type own struct {
	name string
	term func(j loss.Judged) *Node
}

func (p *own) Term(j loss.Judged) *Node { return p.term(j) }
func (p *own) Weight() float64          { return 1 }
func (p *own) String() string           { return p.name }

// TestCheckKnowsPenaltiesByWhatTheyDo wants a penalty to count as a limit of the critic's slope where it is one, whoever
// wrote it and whatever its name, and not where it is none.
func TestCheckKnowsPenaltiesByWhatTheyDo(t *testing.T) {
	slope := func(critic func(*Node) *Node, at *Node) *Node {
		at = Identity(StopGradient(at))
		gradient := Gradient(ReduceAllSum(critic(at)), at)[0]
		return ReduceAllMean(ReduceSum(Square(Reshape(gradient, gradient.Shape().Dim(0), -1)), -1))
	}
	penalties := map[loss.Penalty]bool{ // whether it limits the slope
		&own{"drift", func(j loss.Judged) *Node { return ReduceAllMean(Square(j.RealLogits)) }}:                   false,
		&own{"mean", func(j loss.Judged) *Node { return Square(ReduceAllMean(Sub(j.RealLogits, j.FakeLogits))) }}: false,
		&own{"nothing", func(j loss.Judged) *Node { return ScalarZero(j.Real.Graph(), j.Real.DType()) }}:          false,
		&own{"gradient", func(j loss.Judged) *Node { return ReduceAllMean(Square(j.Critic(j.Real))) }}:            false,
		&own{"slope", func(j loss.Judged) *Node { return slope(j.Critic, j.Real) }}:                               true,
		&own{"a consistency of slopes", func(j loss.Judged) *Node { return slope(j.Critic, j.Fake) }}:             true,
		&own{"slope of what was said", func(j loss.Judged) *Node {
			return ReduceAllMean(Square(Gradient(ReduceAllSum(j.RealLogits), j.Real)[0]))
		}}: true,
	}
	for _, p := range loss.Penalties() {
		penalties[p] = !strings.Contains(p.String(), "consistency")
	}
	for _, zero := range []loss.Penalty{loss.WGANGP(0), loss.OneSidedGP(0), loss.R1(0), loss.R2(0), loss.DRAGAN(0), loss.Consistency(0)} {
		penalties[zero] = false
	}
	for p, limits := range penalties {
		for _, pack := range []int{1, 4} {
			exp := tiny.Experiment(method.Alternating{})
			exp.Loss, exp.Penalties, exp.View.Pack = loss.Wasserstein, []loss.Penalty{p}, pack
			found := rules(exp.Check())
			if silent := len(found) == 0; silent != limits || !limits && !slices.Equal(found, []string{"no lipschitz constraint"}) {
				t.Errorf("%v, pack %d: found %v, and it limits the slope: %v", p, pack, found, limits)
			}
		}
		exp := tiny.Experiment(method.Alternating{})
		exp.Penalties = []loss.Penalty{p}
		exp.Critic = func(scope *model.Scope, x *Node) *Node {
			x = net.LeakyReLU(net.BatchNorm(scope.In("norm"), net.Dense(scope.In("dense"), net.Flatten(x), 32)), 0.2)
			return net.Dense(scope.In("logit"), x, 1)
		}
		if found := rules(exp.Check()); slices.Contains(found, "batch statistics under a penalty") != limits {
			t.Errorf("%v with batch statistics: found %v", p, found)
		}
	}
}

// TestCheckMutations changes one thing at a time in an experiment without mistakes, and wants each to be found.
func TestCheckMutations(t *testing.T) {
	base := tiny.Experiment(method.Alternating{})
	trunk := func(scope *model.Scope, x *Node) *Node {
		return net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 32), 0.2)
	}
	critic := func(end func(scope *model.Scope, logit *Node) *Node) func(*gan.Experiment) {
		return func(e *gan.Experiment) {
			e.Critic = func(scope *model.Scope, x *Node) *Node { return end(scope, base.Critic(scope, x)) }
		}
	}
	bounded := func(of func(x *Node) *Node) func(*gan.Experiment) {
		return critic(func(_ *model.Scope, logit *Node) *Node { return of(logit) })
	}
	wasserstein := func(of func(scope *model.Scope, x *Node) *Node) func(*gan.Experiment) {
		return func(e *gan.Experiment) { e.Loss, e.Critic = loss.Wasserstein, of }
	}
	field := func(change func(*gan.Experiment)) func(*gan.Experiment) { return change }
	notNumbers := []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1}
	cases := map[string]struct {
		change func(*gan.Experiment)
		want   string // rule
	}{
		"2·sigmoid-1":                      {bounded(func(x *Node) *Node { return SubScalar(MulScalar(Sigmoid(x), 2), 1) }), "bounded critic"},
		"-tanh":                            {bounded(func(x *Node) *Node { return Neg(Tanh(x)) }), "bounded critic"},
		"5·tanh":                           {bounded(func(x *Node) *Node { return MulScalar(Tanh(x), 5) }), "bounded critic"},
		"1-tanh":                           {bounded(func(x *Node) *Node { return OneMinus(Tanh(x)) }), "bounded critic"},
		"a clipped logit":                  {bounded(func(x *Node) *Node { return ClipScalar(x, -3, 3) }), "bounded critic"},
		"one batch norm in a batch of one": {field(func(e *gan.Experiment) { e.BatchSize = 1 }), "statistics of one"},
		"parts of one":                     {field(func(e *gan.Experiment) { e.Method = method.Alternating{Parts: 8} }), "statistics of one"},
		"a pack of all, in the critic": {func(e *gan.Experiment) {
			e.View.Pack = 8
			e.Critic = func(scope *model.Scope, x *Node) *Node {
				return net.Dense(scope.In("logit"), net.BatchNorm(scope.In("norm"), trunk(scope, x)), 1)
			}
		}, "statistics of one"},
		"spectral but for the last layer": {wasserstein(func(scope *model.Scope, x *Node) *Node {
			x = net.LeakyReLU(net.SpectralDense(scope.In("dense"), net.Flatten(x), 32), 0.2)
			return net.Dense(scope.In("logit"), x, 1)
		}), "no lipschitz constraint"},
		"a statistic called u": {wasserstein(func(scope *model.Scope, x *Node) *Node {
			for _, name := range []string{"a", "b"} {
				u := scope.In("%s", name).WithInitializer(initializer.Zero).VariableWithShape("u", shapes.Make(dtypes.Float32)).SetTrainable(false)
				u.SetNodeValue(StopGradient(ReduceAllMean(x)))
			}
			return base.Critic(scope, x)
		}), "no lipschitz constraint"},
		"data beyond tanh at the end": {func(e *gan.Experiment) {
			values := make([]float32, 2000*64)
			values[1999*64] = 7
			e.Data = data.Of("late", &sample.Images{N: 2000, Height: 8, Width: 8, Channels: 1, Values: values})
		}, "data range"},
		"data that is no number": {func(e *gan.Experiment) {
			values := make([]float32, 64*64)
			values[3], values[9] = float32(math.NaN()), -1
			e.Data = data.Set{Name: "nan", Load: func() (*sample.Images, error) {
				return &sample.Images{N: 64, Height: 8, Width: 8, Channels: 1, Values: values}, nil
			}}
		}, "data range"},
		"images of a pixel that are to move": {func(e *gan.Experiment) {
			*e = gan.Experiment{Name: "points", Latent: 2, BatchSize: 64, Data: data.Ring8().Set(500, 0), Generator: net.Toy{}.Generator,
				Critic: net.Toy{}.Critic, Penalties: []loss.Penalty{loss.Consistency(1)}}
		}, "impossible"},
		"an augmentation out of range":     {func(e *gan.Experiment) { e.View.Augment = net.DiffAugment{Cutout: 2} }, "impossible"},
		"an augmentation of another shape": {func(e *gan.Experiment) { e.View.Augment = cropping{} }, "impossible"},
	}
	for i, x := range notNumbers {
		for name, change := range map[string]func(*gan.Experiment){
			"Auxiliary":       func(e *gan.Experiment) { e.View.Auxiliary = &x },
			"LabelNoise":      func(e *gan.Experiment) { e.Method = method.Alternating{LabelNoise: x} },
			"AugmentStrength": func(e *gan.Experiment) { e.View.Augment, e.View.AugmentStrength = tiny.Dimming{}, &x },
			"ClipWeights":     func(e *gan.Experiment) { e.Optimizers.ClipWeights = x },
			"EMA":             func(e *gan.Experiment) { e.Optimizers.EMA = x },
			"Rate":            func(e *gan.Experiment) { e.Optimizers.Critic = optim.NewAdam(x, 0.9, 0.999) },
			"Beta2":           func(e *gan.Experiment) { e.Optimizers.Generator = optim.NewAdam(1e-3, 0.9, x) },
			"Epsilon": func(e *gan.Experiment) {
				e.Optimizers.Generator = optim.Adam{Rate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: x}
			},
			"ClipNorm": func(e *gan.Experiment) {
				e.Optimizers.Critic = optim.Chain(optim.ClipNorm(x), optim.NewAdam(1e-3, 0.9, 0.999))
			},
			"linear Final": func(e *gan.Experiment) {
				e.Optimizers.Critic = optim.Scheduled{Of: optim.NewAdam(1e-3, 0.9, 0.999), Schedule: optim.Linear{To: 9, Final: x}}
			},
			"cosine Final": func(e *gan.Experiment) {
				e.Optimizers.Generator = optim.Scheduled{Of: optim.NewAdam(1e-3, 0.9, 0.999), Schedule: optim.Cosine{Steps: 9, Final: x}}
			},
			"penalty's weight": func(e *gan.Experiment) { e.Penalties = []loss.Penalty{loss.R1(x)} },
			"RealLabel":        func(e *gan.Experiment) { e.Loss = loss.Smoothed{RealLabel: x} },
			"FakeLabel":        func(e *gan.Experiment) { e.Loss = loss.Smoothed{FakeLabel: x} },
			"Privacy.Clip":     func(e *gan.Experiment) { e.Method = method.Private{Clip: x, Noise: 1} },
			"Privacy.Noise":    func(e *gan.Experiment) { e.Method = method.Private{Clip: 1, Noise: x} },
			"Privacy.Delta":    func(e *gan.Experiment) { e.Method = method.Private{Clip: 1, Noise: 1, Delta: x} },
			"Brightness":       func(e *gan.Experiment) { e.View.Augment = net.DiffAugment{Brightness: x} },
			"Translation":      func(e *gan.Experiment) { e.View.Augment = net.DiffAugment{Translation: x} },
			"Adaptive.Target":  func(e *gan.Experiment) { e.View.Augment, e.View.Adapt = tiny.Dimming{}, net.Adaptive{Target: x} },
			"Adaptive.Speed":   func(e *gan.Experiment) { e.View.Augment, e.View.Adapt = tiny.Dimming{}, net.Adaptive{Speed: x} },
		} {
			cases[fmt.Sprintf("%s %g (%d)", name, x, i)] = struct {
				change func(*gan.Experiment)
				want   string
			}{change, "impossible"}
		}
	}
	for _, n := range []int{-1, 1 << 62, math.MaxInt} {
		for name, change := range map[string]func(*gan.Experiment){
			"Latent":         func(e *gan.Experiment) { e.Latent = n },
			"BatchSize":      func(e *gan.Experiment) { e.BatchSize = n },
			"CriticSteps":    func(e *gan.Experiment) { e.Method = method.Alternating{CriticSteps: n} },
			"Unroll":         func(e *gan.Experiment) { e.Method = method.Unrolled{Ahead: n} },
			"Accumulate":     func(e *gan.Experiment) { e.Method = method.Alternating{Parts: n} },
			"Pack":           func(e *gan.Experiment) { e.View.Pack = n },
			"PackAccumulate": func(e *gan.Experiment) { e.View.Pack, e.Method = n, method.Alternating{Parts: n} },
		} {
			want := "impossible"
			if n > 0 && (name == "BatchSize" || name == "CriticSteps") {
				want = "batch of the whole data"
			}
			cases[fmt.Sprintf("%s %d", name, n)] = struct {
				change func(*gan.Experiment)
				want   string
			}{change, want}
		}
	}
	for name, c := range cases {
		exp := tiny.Experiment(method.Alternating{})
		c.change(&exp)
		found := exp.Check()
		if !slices.Contains(rules(found), c.want) {
			t.Errorf("%s: found %v, want %q", name, found, c.want)
		}
		for _, f := range found {
			if strings.Contains(f.String(), "\n") {
				t.Errorf("%s: a finding has more than a line: %q", name, f)
			}
		}
		if c.want == "impossible" {
			if _, err := gan.NewTrainer(gantest.Go(t), exp); err == nil {
				t.Errorf("%s: it is found impossible, and the trainer takes it", name)
			}
		}
	}
}

// cropping is an augmentation that does what none may: it changes the shape of its images.
type cropping struct{}

func (cropping) Apply(images, _ *Node, _ loss.Random) *Node {
	return Slice(images, AxisRange(), AxisRange(1))
}
func (cropping) String() string { return "cropping" }

// TestCheckAcceptsWhatIsRight wants nothing found in experiments that come near a mistake.
func TestCheckAcceptsWhatIsRight(t *testing.T) {
	for name, change := range map[string]func(*gan.Experiment){
		"a layer behind an activation": func(e *gan.Experiment) {
			e.Critic = func(scope *model.Scope, x *Node) *Node {
				return net.Dense(scope.In("logit"), Tanh(net.Dense(scope.In("dense"), net.Flatten(x), 32)), 1)
			}
		},
		"layer norm in a batch of one": func(e *gan.Experiment) {
			e.BatchSize, e.Generator = 1, tiny.Smooth().Generator
		},
		"two in a batch": func(e *gan.Experiment) { e.BatchSize = 2 },
		"spectral attention": func(e *gan.Experiment) {
			e.Loss = loss.Wasserstein
			e.Critic = func(scope *model.Scope, x *Node) *Node {
				x = net.LeakyReLU(net.SpectralDownConv2D(scope.In("down"), x, 8), 0.2)
				x = net.SpectralSelfAttention(scope.In("attention"), x)
				return net.SpectralDense(scope.In("logit"), net.Flatten(x), 1)
			}
		},
		"spectral in bfloat16": func(e *gan.Experiment) {
			e.Loss, e.Optimizers.BFloat16 = loss.Wasserstein, true
			e.Critic = func(scope *model.Scope, x *Node) *Node {
				x = net.LeakyReLU(net.SpectralDense(scope.In("dense"), net.Flatten(x), 32), 0.2)
				return net.SpectralDense(scope.In("logit"), x, 1)
			}
		},
		"augmented": func(e *gan.Experiment) {
			e.View.Augment, e.View.Adapt = net.PaperAugment(), net.Adaptive{}
		},
	} {
		exp := tiny.Experiment(method.Alternating{})
		change(&exp)
		if found := exp.Check(); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}
