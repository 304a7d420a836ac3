package record

import (
	"math"
	"slices"
	"testing"

	"gantry.local/gan/train"
)

// TestMeans wants each point to be the mean of as many steps, however many there are, and of a number that only some
// steps report the mean of those, with gaps between them.
func TestMeans(t *testing.T) {
	var c Means
	for step := 1; step <= 10*usualPoints; step++ {
		c.Add(Metric{Alone: "critic", Progress: train.Progress{Step: step, Numbers: []train.Number{{Name: "critic loss", Value: 1e9}}}})
		numbers := []train.Number{{Name: "critic loss", Value: float64(2 * step)}, {Name: "generator loss", Value: -float64(step)}}
		if step > 5*usualPoints && step%100 == 0 {
			numbers = append(numbers, train.Number{Name: "path length", Value: 7})
		}
		c.Add(Metric{Progress: train.Progress{Step: step, Numbers: numbers}})
	}
	if !slices.Equal(c.Names(), []string{"critic loss", "generator loss", "path length"}) {
		t.Fatalf("it has %v", c.Names())
	}
	steps, critic := c.Of("critic loss")
	_, generator := c.Of("generator loss")
	if n := len(steps); n > usualPoints || n < usualPoints/2 {
		t.Fatalf("there are %d points", n)
	}
	for i, step := range steps[:len(steps)-1] { // the last is not full
		middle := float64(c.steps)*float64(i) + float64(c.steps+1)/2
		if math.Abs(step-middle) > 1e-6 || math.Abs(critic[i]-2*middle) > 1e-6 || math.Abs(generator[i]+middle) > 1e-6 {
			t.Fatalf("point %d of %d steps is at %g with %g and %g, want the means around %g", i, c.steps, step, critic[i], generator[i], middle)
		}
	}
	at, rare := c.Of("path length")
	there := 0
	for i, v := range rare {
		switch {
		case math.IsNaN(v):
		case v != 7 || at[i] < 5*usualPoints:
			t.Fatalf("path length is %g at step %g, want 7, and only where it is reported", v, at[i])
		default:
			there++
		}
	}
	if there != 5*usualPoints/100 {
		t.Errorf("path length has %d points, want %d", there, 5*usualPoints/100)
	}
}
