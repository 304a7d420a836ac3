package metric

import (
	"math"
	"math/rand/v2"
	"testing"

	"gantry.local/gan/sample"
)

// TestGauge wants a gauge to measure what Kernel does, and a collapse to be far away.
func TestGauge(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	cloud := func(n int, spread float64) sample.Images {
		m := sample.Images{N: n, Height: 1, Width: 1, Channels: 2, Values: make([]float32, 2*n)}
		for i := range m.Values {
			m.Values[i] = float32(spread * random.NormFloat64())
		}
		return m
	}
	real := cloud(400, 1)
	gauge, err := NewGauge(OwnValues{}, real)
	if err != nil {
		t.Fatal(err)
	}
	var near, far float64
	for _, c := range []struct {
		of       sample.Images
		distance *float64
	}{{cloud(300, 1), &near}, {cloud(300, 0.01), &far}} {
		if *c.distance, err = gauge.Distance(c.of); err != nil {
			t.Fatal(err)
		}
		want, err := Kernel(vectors(real), vectors(c.of))
		if err != nil || math.Abs(want-*c.distance) > 1e-9 {
			t.Errorf("the distance is %g, that of Kernel %g (%v)", *c.distance, want, err)
		}
	}
	if math.Abs(near) > far/10 {
		t.Errorf("other samples of the same distribution are %g away, and those of a collapse %g", near, far)
	}
	bad := cloud(3, 1)
	bad.Values[0] = float32(math.NaN())
	if _, err := gauge.Distance(bad); err == nil {
		t.Error("a sample that is not finite has a distance")
	}
	if _, err := NewGauge(OwnValues{}, cloud(1, 1)); err == nil {
		t.Error("one real sample makes a gauge")
	}
}
