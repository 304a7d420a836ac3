package gan_test

import (
	"math"
	"strings"
	"testing"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
)

// TestPrivateUpdate looks at the first moments after one update, which are (1-β₁) times the gradient that was used. With
// next to no noise it is the mean of gradients of norm at most Clip; with noise it has the noise's norm.
func TestPrivateUpdate(t *testing.T) {
	trunk := trainer(t, gantest.XLA(t), blind())
	used := func(p gan.Privacy) (norm float64, values int) {
		of, _, err := trunk.Fork(func(e *gan.Experiment) { e.Privacy = p })
		if err != nil {
			t.Fatal(err)
		}
		train(t, of, 1)
		sum := 0.0
		for name, moments := range tensorsOf(t, saved(t, of)) {
			if strings.HasPrefix(name, "adam/critic/") && strings.HasSuffix(name, "/m") {
				for _, m := range moments {
					sum += float64(m) * float64(m)
					values++
				}
			}
		}
		return math.Sqrt(sum) / 0.1, values
	}
	clipped, _ := used(gan.Privacy{Clip: 1e-3, Noise: 1e-9})
	if clipped > 1e-3 || clipped < 1e-4 {
		t.Errorf("the mean of 8 gradients clipped to 1e-3 has norm %g", clipped)
	}
	noisy, n := used(gan.Privacy{Clip: 1e-3, Noise: 100})
	if want := 100 * 1e-3 * math.Sqrt(float64(n)) / 8; math.Abs(noisy/want-1) > 0.1 {
		t.Errorf("noise of multiplier 100 on %d values gives norm %g, want about %g", n, noisy, want)
	}
	whole, _ := used(gan.Privacy{Clip: 1e6, Noise: 1e-12})
	if want := train(t, trunk, 1)[0].CriticGradient; math.Abs(whole-want) > 1e-4*want {
		t.Errorf("unclipped and without noise the mean gradient has norm %g, an ordinary step's %g", whole, want)
	}
}

// TestEpsilon compares the accountant with the quadrature of the divergence it sums up, and with a published figure:
// TensorFlow Privacy's tutorial on MNIST (noise 1.1, batches of 256 of 60 000, 60 epochs, δ = 1e-5) says ε ≈ 3 by the
// older conversion; the tighter one used here lies somewhat below.
func TestEpsilon(t *testing.T) {
	tutorial := gan.Privacy{Clip: 1, Noise: 1.1, Delta: 1e-5}.Epsilon(256.0/60000, 60*60000/256)
	if tutorial < 2.3 || tutorial > 3.01 {
		t.Errorf("ε of the tutorial is %.3f, want 2.3 to 3.0", tutorial)
	}
	// Without sampling the Gaussian mechanism's divergence is α/2σ², which optimal conversion keeps above the exact
	// curve of Balle and Wang (2018): δ(ε) = Φ(1/2σ - εσ) - e^ε Φ(-1/2σ - εσ).
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	for _, sigma := range []float64{1, 4, 20} {
		p := gan.Privacy{Clip: 1, Noise: sigma, Delta: 1e-5}
		epsilon := p.Epsilon(1, 1)
		exact := phi(1/(2*sigma)-epsilon*sigma) - math.Exp(epsilon)*phi(-1/(2*sigma)-epsilon*sigma)
		if exact > 1e-5 || exact < 1e-7 {
			t.Errorf("σ = %g: at ε = %.3f the exact δ is %g, want below 1e-5 and not far", sigma, epsilon, exact)
		}
	}
	p := gan.Privacy{Clip: 1, Noise: 2}
	if p.Epsilon(0.01, 0) != 0 {
		t.Error("no update spends privacy")
	}
	for _, less := range [][2]float64{{p.Epsilon(0.01, 100), p.Epsilon(0.01, 1000)}, {p.Epsilon(0.01, 100), p.Epsilon(0.02, 100)},
		{gan.Privacy{Clip: 1, Noise: 3}.Epsilon(0.01, 100), p.Epsilon(0.01, 100)}} {
		if !(0 < less[0] && less[0] < less[1]) {
			t.Errorf("ε %g should be below %g: fewer updates, smaller share or more noise", less[0], less[1])
		}
	}
	exp := smooth()
	exp.Privacy = p
	of := trainer(t, gantest.XLA(t), exp)
	train(t, of, 4)
	got, err := of.Epsilon()
	if want := p.Epsilon(8.0/64, 4); err != nil || got != want {
		t.Errorf("after 4 updates ε is %g, %v; want %g", got, err, want)
	}
	if _, err := trainer(t, gantest.XLA(t), smooth()).Epsilon(); err == nil {
		t.Error("a run without privacy has an ε")
	}
}
