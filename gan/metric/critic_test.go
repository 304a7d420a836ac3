package metric

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
	"gantry.local/gan/net"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

func TestJudgeCritic(t *testing.T) {
	h, err := JudgeCritic([]float32{1, 2, -1, 3}, []float32{-2, 1, -3, 0}, []float32{-1, 4})
	if err != nil {
		t.Fatal(err)
	}
	want := CriticHealth{RealMean: 1.25, FakeMean: -1, RealAccuracy: 0.75, FakeAccuracy: 0.5,
		Separation: (3.5 + 4 + 2 + 4) / 16, Overfit: (1 + 1 + 0.5 + 1) / 8, HeldOutAccuracy: 0.5}
	if h != want {
		t.Errorf("health is %+v, want %+v", h, want)
	}
	requireNear(t, "accuracy", h.Accuracy(), 0.625, 0)
	if got := h.String(); got != "critic: real 75.0 %, fake 50.0 % right, separation 0.844, training against held-out 0.438" {
		t.Errorf("text is %q", got)
	}
}

// TestJudgeCriticShift moves and stretches all logits, as a Wasserstein critic may: what compares them stays.
func TestJudgeCriticShift(t *testing.T) {
	real, fake := normal(1, 200, 1, 1, 1).Values, normal(2, 300, 1, 0, 1).Values
	h, err := JudgeCritic(real, fake, nil)
	if err != nil {
		t.Fatal(err)
	}
	moved := func(values []float32) []float32 {
		var out []float32
		for _, v := range values {
			out = append(out, 8*v+1000)
		}
		return out
	}
	m, err := JudgeCritic(moved(real), moved(fake), nil)
	if err != nil {
		t.Fatal(err)
	}
	requireNear(t, "separation of moved logits", m.Separation, h.Separation, 1e-4)
	requireNear(t, "separation of N(1,1) from N(0,1)", h.Separation, 0.760, 0.05) // Φ(1/√2)
	if h.Overfit != 0.5 || h.HeldOutAccuracy != 0 || m.FakeAccuracy != 0 {
		t.Errorf("without held-out logits %+v", h)
	}
	requireNear(t, "separation of equal logits", precedence([]float32{2, 2}, []float32{2, 2, 2}), 0.5, 0)
	requireNear(t, "separation of the largest", precedence([]float32{math.MaxFloat32}, []float32{0, math.MaxFloat32}), 0.75, 0)
}

func TestBadLogits(t *testing.T) {
	_, err := JudgeCritic(nil, []float32{1}, nil)
	requireError(t, err, "0 real and 1 fake logits")
	_, err = JudgeCritic([]float32{1}, []float32{1}, []float32{float32(math.Inf(-1))})
	requireError(t, err, "-Inf")
	_, err = JudgeGradients[VariableGradient](nil)
	requireError(t, err, "one norm per variable")
}

func TestJudgeGradients(t *testing.T) {
	for want, norms := range map[string][]float64{
		"":                                {3, 4, 12},
		"the gradient of b is not finite": {1, math.NaN(), 2e4},
		"the gradient of c explodes (norm 2e+04)":     {1, 2, 2e4},
		"the gradient of a has vanished (norm 0)":     {0, 2, 4},
		"the gradient of a has vanished (norm 1e-08)": {1e-8, 1e-8, 1e-8},
		"the gradient of b has vanished (norm 1e-06)": {100, 1e-6, 2},
		"the gradient of a is not finite":             {math.Inf(1), math.NaN(), 0},
		"the gradient of c has vanished (norm 9e-08)": {1e-3, 1e-5, 9e-8},
	} {
		h, err := JudgeGradients([]train.GradientNorm{{Variable: "a", Norm: norms[0]}, {Variable: "b", Norm: norms[1]}, {Variable: "c", Norm: norms[2]}})
		if err != nil || h.Reason != want {
			t.Errorf("norms %v: %q (%v), want %q", norms, h.Reason, err, want)
		}
		if want == "" && (h.Total != 13 || h.Smallest.Variable != "a" || h.Largest.Variable != "c") {
			t.Errorf("norms %v: %+v", norms, h)
		}
	}
}

// TestInputGradient knows the gradient of a linear critic, the weights, and compares that of a convolutional one with
// finite differences.
func TestInputGradient(t *testing.T) {
	images := sample.Images{Values: normal(1, 2, 36, 0, 1).Values, N: 2, Height: 6, Width: 6, Channels: 1}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		norms, err := InputGradient(backend, model.NewStore(), func(x *Node) *Node {
			logit := MulScalar(ReduceSum(x, 1, 2, 3), 0.5)
			return Stack([]*Node{logit, MulScalar(logit, 7)}, 1) // the second column is a class's
		}, images)
		if err != nil {
			t.Fatal(err)
		}
		for _, norm := range norms {
			requireNear(t, "norm of 36 halves", norm, 3, 1e-5)
		}

		store := model.NewStore()
		if err := store.SetRNGStateFromSeed(3); err != nil {
			t.Fatal(err)
		}
		critic := func(x *Node) *Node {
			scope := store.Scope("/critic")
			return net.Dense(scope.In("logit"), net.Flatten(Tanh(net.Conv2D(scope.In("conv"), x, 3, 3))), 1)
		}
		if norms, err = InputGradient(backend, store, critic, images); err != nil {
			t.Fatal(err)
		}
		exec, err := model.NewExec(backend, store, func(_ *model.Scope, x *Node) *Node { return critic(x) })
		if err != nil {
			t.Fatal(err)
		}
		logits := func(images sample.Images) []float32 {
			out, err := exec.Call1(tensorOf(images))
			if err != nil {
				t.Fatal(err)
			}
			return flat(t, out)
		}
		const h = 1e-2
		squares := make([]float64, images.N)
		for pixel := range 36 {
			up, down := moved(images, pixel, h), moved(images, pixel, -h)
			above, below := logits(up), logits(down)
			for i := range squares {
				d := float64(above[i]-below[i]) / (2 * h)
				squares[i] += d * d
			}
		}
		for i, square := range squares {
			requireNear(t, "norm of the gradient", norms[i], math.Sqrt(square), 2e-3*norms[i])
		}
	})
	_, err := InputGradient(gantest.Go(t), model.NewStore(), func(x *Node) *Node { return x }, sample.Images{N: 1, Height: 1, Width: 1, Channels: 1})
	requireError(t, err, "has 0 bytes of pixels; 1 images of 1×1×1 need 1")
	_, err = InputGradient(gantest.Go(t), model.NewStore(), func(x *Node) *Node { return net.MaxPool2(Reshape(x, -1)) }, images)
	if err == nil {
		t.Error("a critic that does not fit gives no error")
	}
}
