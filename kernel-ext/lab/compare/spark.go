package compare

import (
	"math"
	"slices"
)

// columns are the means of a curve in so many parts of the steps from 0 to end, NaN where a part has no value.
func columns(steps, values []float64, end float64, n int) []float64 {
	means, counts := make([]float64, n), make([]float64, n)
	for i, v := range values {
		if v-v != 0 {
			continue
		}
		at := min(int(steps[i]/max(end, 1)*float64(n)), n-1)
		counts[at]++
		means[at] += (v - means[at]) / counts[at]
	}
	for at := range means {
		if counts[at] == 0 {
			means[at] = math.NaN()
		}
	}
	return means
}

// spark draws columns as a character each, between low and high. A column without a value between two that have one is as the one before,
// for a run of few steps has such; others are spaces.
func spark(columns []float64, low, high float64) string {
	levels := []rune("▁▂▃▄▅▆▇█")
	line := slices.Repeat([]rune{' '}, len(columns))
	before := -1 // the last column with a value
	for at, mean := range columns {
		if mean != mean {
			continue
		}
		for ; before >= 0 && before < at-1; before++ {
			line[before+1] = line[before]
		}
		line[at], before = levels[0], at
		if high > low {
			line[at] = levels[min(int((mean-low)/(high-low)*float64(len(levels))), len(levels)-1)]
		}
	}
	return string(line)
}

// lastStep is the last step at which any run reports a number.
func (c *Comparison) lastStep(number string) (end float64) {
	for _, s := range c.Sides {
		curve := s.History.Curve(number)
		for i, v := range curve.Y {
			if v-v == 0 {
				end = max(end, curve.X[i])
			}
		}
	}
	return end
}
