package sweep

import (
	"math"
	"slices"
	"strconv"
)

// axis places values between 0 and 1: numbers by their size, or by their logarithm where they are of many sizes, and names evenly.
type axis struct {
	name      string
	low, high float64 // of numbers, of their logarithms where log
	log       bool
	names     []string // of an axis of names, in their order
	ticks     []tick
}

// tick is a place on an axis with what stands there.
type tick struct {
	at   float64
	text string
}

const (
	manySizes = 20 // the largest number to the smallest, from which on an axis goes by the logarithm
	mostTicks = 9
)

// newAxis is an axis for the values that settings have.
func newAxis(name string, values []string) axis {
	var numbers []float64
	for _, v := range values {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return axisOfNames(name, values)
		}
		numbers = append(numbers, f)
	}
	return axisOfNumbers(name, numbers)
}

func axisOfNames(name string, values []string) axis {
	a := axis{name: name}
	for _, v := range values {
		if !slices.Contains(a.names, v) {
			a.names = append(a.names, v)
		}
	}
	for i, v := range a.names {
		if len(a.names) <= 3*mostTicks || i%(len(a.names)/mostTicks) == 0 {
			a.ticks = append(a.ticks, tick{a.place(v), v})
		}
	}
	return a
}

func axisOfNumbers(name string, numbers []float64) axis {
	a := axis{name: name}
	if len(numbers) == 0 {
		return a
	}
	a.low, a.high = slices.Min(numbers), slices.Max(numbers)
	if a.log = a.low > 0 && a.high/a.low > manySizes; a.log {
		a.low, a.high = math.Log(a.low), math.Log(a.high)
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(numbers)))
	if len(distinct) > mostTicks { // the ends, and what lies between in even pieces
		for i := range mostTicks - 4 {
			v := a.low + (a.high-a.low)*float64(i)/float64(mostTicks-5)
			if a.log {
				v = math.Exp(v)
			}
			a.ticks = append(a.ticks, tick{a.of(v), strconv.FormatFloat(v, 'g', 3, 64)})
		}
		return a
	}
	for _, v := range distinct {
		a.ticks = append(a.ticks, tick{a.of(v), strconv.FormatFloat(v, 'g', 4, 64)})
	}
	return a
}

// place is where a setting's value lies.
func (a axis) place(value string) float64 {
	if a.names != nil {
		if len(a.names) == 1 {
			return 0.5
		}
		return float64(slices.Index(a.names, value)) / float64(len(a.names)-1)
	}
	f, _ := strconv.ParseFloat(value, 64) // of a number, or newAxis had made it one of names
	return a.of(f)
}

// of is where a number lies.
func (a axis) of(v float64) float64 {
	if a.high <= a.low {
		return 0.5
	}
	if a.log {
		v = math.Log(v)
	}
	return (v - a.low) / (a.high - a.low)
}
