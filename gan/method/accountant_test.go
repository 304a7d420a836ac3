package method

import (
	"math"
	"testing"
)

// TestRenyiDivergences compares with the figures that TensorFlow Privacy's rdp_accountant_test.py expects of 50 updates
// with noise 2.5 on a share of 0.01, and the orders between the integers with the integral that they expand.
func TestRenyiDivergences(t *testing.T) {
	for order, want := range map[float64]float64{1.5: 0.00065, 2.5: 0.001085, 5: 0.00218075, 50: 0.023846, 100: 167.416307} {
		if got := 50 * rdpSampledGaussian(order, 0.01, 2.5); math.Abs(got-want) > 1e-5 {
			t.Errorf("order %g: 50 updates have divergence %.8f, want %.8f", order, got, want)
		}
	}
	for _, c := range []struct{ a, q, sigma float64 }{{1.1, 0.001, 0.6}, {1.7, 0.3, 1}, {2.5, 0.01, 4}, {4.5, 64.0 / 60000, 0.6}, {10.9, 0.1, 2}} {
		// ∫ N(z; 0, σ²) (1 - q + q exp((2z-1)/2σ²))^α dz, by the trapezoidal rule, in units of σ.
		sum, step := 0.0, 1e-4
		for x := -40.0; x < 60; x += step {
			ratio := math.Log(1-c.q) + math.Log1p(c.q/(1-c.q)*math.Exp((2*x*c.sigma-1)/(2*c.sigma*c.sigma)))
			sum += math.Exp(-x*x/2+c.a*ratio) * step / math.Sqrt(2*math.Pi)
		}
		want := math.Log(sum) / (c.a - 1)
		if got := rdpSampledGaussian(c.a, c.q, c.sigma); math.Abs(got-want) > 1e-6*want+1e-10 {
			t.Errorf("order %g, share %g, noise %g: divergence %g, want %g", c.a, c.q, c.sigma, got, want)
		}
	}
}

// TestSpending takes the history through text, and composes as if each period's divergences were known.
func TestSpending(t *testing.T) {
	var s spending
	for _, p := range []period{{0.1, 2, 3, nil}, {0.1, 2, 4, nil}, {0.125, 2, 1, nil}, {0.125, 0.7, 5, nil}, {0.1, 2, 0, nil}} {
		s.add(p.share, p.noise, p.updates)
	}
	const want = "0.1 2 7, 0.125 2 1, 0.125 0.7 5"
	if s.String() != want {
		t.Errorf("the history is %q, want %q", s, want)
	}
	again, err := parseSpending(want)
	if err != nil || again.String() != want || again.epsilon(1e-5) != s.epsilon(1e-5) {
		t.Errorf("read again it is %q (%v)", again, err)
	}
	best := math.Inf(1)
	for _, a := range orders() {
		sum := 7*rdpSampledGaussian(a, 0.1, 2) + rdpSampledGaussian(a, 0.125, 2) + 5*rdpSampledGaussian(a, 0.125, 0.7)
		best = min(best, sum+math.Log((a-1)/a)-(math.Log(1e-5)+math.Log(a))/(a-1))
	}
	if got := s.epsilon(1e-5); math.Abs(got-best) > 1e-9 {
		t.Errorf("ε is %g, want %g", got, best)
	}
	s.add(0.1, 0, 2)
	if got := s.epsilon(1e-5); !math.IsInf(got, 1) || s.open() != 2 {
		t.Errorf("with 2 updates without noise ε is %g, of %d", got, s.open())
	}
}

// TestDrawRows wants each image in a batch by a coin of its own: batches of other sizes whose mean is BatchSize, which
// depend on the key, the call and the update.
func TestDrawRows(t *testing.T) {
	of := newPrivate(Private{Clip: 1, Noise: 1}, Pair{}, Game{BatchSize: 2})
	const draws = 4000
	sum, squares, of7 := 0.0, 0.0, 0
	for call := range draws {
		rows := of.drawRows(Host{Images: 8, Call: call}, 0)
		n := float64(len(rows))
		sum, squares = sum+n, squares+n*n
		for _, row := range rows {
			if row == 7 {
				of7++
			}
		}
	}
	mean := sum / draws
	variance := squares/draws - mean*mean
	if math.Abs(mean-2) > 0.1 || math.Abs(variance-8*0.25*0.75) > 0.15 || math.Abs(float64(of7)/draws-0.25) > 0.035 {
		t.Errorf("batches have mean %.2f and variance %.2f, image 7 is in %.3f of them; want 2, 1.5 and 0.25", mean, variance, float64(of7)/draws)
	}
}
