package show

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// linearTicks are marks at multiples of 1, 2 or 5 times a power of ten, at most n of them in [low, high], no closer
// than least.
func linearTicks(low, high, least float64, n int) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/float64(n))))
	step = max(step, least)
	for _, factor := range []float64{1, 2, 5, 10, 20} {
		if count(low, high, step*factor) <= n {
			step *= factor
			break
		}
	}
	first := math.Ceil(low/step - 1e-9)
	var ticks []plot.Tick
	for i := range min(count(low, high, step), n) {
		// Adding 0 turns the -0 of a product into 0.
		value := (first+float64(i))*step + 0
		ticks = append(ticks, plot.Tick{Value: value, Label: tickLabel(value, step, math.Max(-low, high))})
	}
	return ticks
}

func count(low, high, step float64) int {
	return int(math.Floor(high/step+1e-9)-math.Ceil(low/step-1e-9)) + 1
}

// tickLabel writes value with the digits that tell it from its neighbours a step away; largest is the magnitude that
// decides between 0.001 and 1e-3 for the whole axis.
func tickLabel(value, step, largest float64) string {
	magnitude := int(math.Floor(math.Log10(step) + 1e-9))
	if largest < 1e6 && magnitude > -5 {
		return strconv.FormatFloat(value, 'f', max(0, -magnitude), 64)
	}
	if value == 0 {
		return "0"
	}
	digits := int(math.Floor(math.Log10(math.Abs(value))+1e-9)) - magnitude
	return exponent(strconv.FormatFloat(value, 'e', min(max(digits, 0), 16), 64))
}

// exponent shortens 1.0e+06 to 1e6 and 1e-07 to 1e-7.
func exponent(s string) string {
	mantissa, power, found := strings.Cut(s, "e")
	if !found {
		return s
	}
	sign := ""
	if power[0] == '-' {
		sign = "-"
	}
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	return mantissa + "e" + sign + strings.TrimLeft(power, "+-0")
}

// logTicks are marks for a logarithmic axis from low > 0 to high, at most n of them labelled: powers of ten; 1, 2 and 5
// times these if there are few; the ones of a linear axis where even those are too few.
func logTicks(low, high float64, n int) []plot.Tick {
	from, to := int(math.Floor(math.Log10(low))), int(math.Ceil(math.Log10(high)))
	every := 1 + (to-from)/n // label one power in so many
	var powers, fine []plot.Tick
	labels := 0
	for power := from; power <= to; power++ {
		for digit := 1.0; digit < 10; digit++ {
			value := digit * math.Pow(10, float64(power))
			if value < low*(1-1e-9) || value > high*(1+1e-9) {
				continue
			}
			label := exponent(strconv.FormatFloat(value, 'g', 6, 64))
			if math.Abs(float64(power)) > 4 {
				label = exponent(strconv.FormatFloat(value, 'e', 0, 64))
			}
			tick, mark := plot.Tick{Value: value, Label: label}, plot.Tick{Value: value}
			switch digit {
			case 1:
				labels++
				fine = append(fine, tick)
				if power%every != 0 {
					tick = mark
				}
				powers = append(powers, tick)
			case 2, 5:
				labels++
				fine = append(fine, tick)
				powers = append(powers, mark)
			default:
				fine = append(fine, mark)
				powers = append(powers, mark)
			}
		}
	}
	switch {
	case labels >= 3 && labels <= n:
		return fine
	case high/low >= 20 && every == 1:
		return powers
	case high/low >= 20: // so many powers that marks between them are noise
		var coarse []plot.Tick
		for _, tick := range powers {
			if !tick.IsMinor() {
				coarse = append(coarse, tick)
			}
		}
		return coarse
	}
	return linearTicks(low, high, 0, n)
}
