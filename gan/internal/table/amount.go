package table

import (
	"strconv"
	"strings"
)

// Count writes a number with its digits in groups of three: 1 149 825.
func Count(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + " " + digits[at:]
	}
	return digits
}

// Amount writes a large number of a unit with three digits, in thousands, millions and so on of it: 1.23 GFLOP, 45 MB.
func Amount(x float64, unit string) string {
	prefixes := []string{"", "k", "M", "G", "T", "P"}
	at := 0
	for x >= 999.5 && at < len(prefixes)-1 {
		x /= 1000
		at++
	}
	return strconv.FormatFloat(x, 'g', 3, 64) + " " + prefixes[at] + unit
}

// Shape writes the lengths of axes: 64×28×28×1.
func Shape(dimensions ...int) string {
	parts := make([]string, len(dimensions))
	for i, n := range dimensions {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, "×")
}
