package process

import "testing"

// TestDistanceShare wants measuring to take its share of the time of training, however quick the steps and however dear it is, and every step
// that is asked for where there is time.
func TestDistanceShare(t *testing.T) {
	for _, c := range []struct {
		name          string
		step, measure float64 // seconds
		every         int
		share, least  float64 // of the time; measurements a step
	}{
		{"quick steps", 0.001, 0.05, 10, 0.026, 0.0004},
		{"slow steps", 0.5, 0.05, 10, 0.026, 0.1},
		{"dear measurements", 0.01, 5, 1, 0.026, 0},
	} {
		d := distance{every: c.every}
		const steps = 100_000
		seconds, spent, n := 0.0, 0.0, 0
		for step := 1; step <= steps; step++ {
			seconds += c.step
			if d.due(step, false, seconds) {
				d.spend(step, seconds, c.measure)
				spent += c.measure
				n++
			}
		}
		if share := spent / seconds; share > c.share || float64(n)/steps < c.least {
			t.Errorf("%s: %d measurements in %d steps take %.4f of the time, want at most %.3f and at least %g a step", c.name, n, steps, share, c.share, c.least)
		}
	}
	d := distance{every: 10, last: 100, free: 1e9}
	if d.due(105, true, 0) || !d.due(110, true, 0) || d.due(110, false, 0) {
		t.Error("where training is to end, it is measured if so many steps have passed, and only there without time")
	}
}
