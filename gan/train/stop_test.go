package train_test

import (
	"math"
	"testing"

	"gantry.local/gan/train"
)

func TestPatience(t *testing.T) {
	for name, c := range map[string]struct {
		patience train.Patience
		values   []float64
		best     float64
		look     int
		stopsAt  int // look at which it says done, 0 for never
	}{
		"falling":            {train.Patience{Looks: 2}, []float64{5, 4, 3, 2}, 2, 4, 0},
		"rises again":        {train.Patience{Looks: 2}, []float64{5, 3, 4, 3.5, 1}, 3, 2, 4},
		"higher is better":   {train.Patience{Looks: 3, Higher: true}, []float64{1, 2, 2, 1, 0}, 2, 2, 5},
		"too small a gain":   {train.Patience{Looks: 2, AtLeast: 0.5}, []float64{5, 4.8, 4.7}, 5, 1, 3},
		"not a number":       {train.Patience{Looks: 2}, []float64{math.NaN(), math.NaN()}, 0, 0, 2},
		"five looks usually": {train.Patience{}, []float64{1, 2, 3, 4, 5, 6, 7}, 1, 1, 6},
	} {
		p := c.patience
		stopped := 0
		for i, value := range c.values {
			if _, done := p.Look(value); done && stopped == 0 {
				stopped = i + 1
				break
			}
		}
		if best, look := p.Best(); best != c.best || look != c.look || stopped != c.stopsAt {
			t.Errorf("%s: best %g at look %d, stopped at %d; want %g, %d, %d", name, best, look, stopped, c.best, c.look, c.stopsAt)
		}
	}
}
