package part

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Parameter is a value of a part that has a name, bound to the variable that holds it.
type Parameter struct {
	Name  string // of small letters, digits and -
	About string
	Range string // in words, such as "a number from 0 to 1"

	truth bool
	text  func() string
	set   func(text string) bool // false where it is not in the Range
}

// Number is a parameter from min to max, both included. A max of math.MaxFloat32 is what a setting holds at most, and a bound that is
// itself left out is math.Nextafter of it.
func Number(name, about string, at *float64, min, max float64) Parameter {
	p := Parameter{Name: name, About: about, Range: rangeOf(min, max)}
	p.text = func() string { return strconv.FormatFloat(*at, 'g', -1, 64) }
	p.set = func(text string) bool {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || !(value >= min && value <= max) {
			return false
		}
		*at = value
		return true
	}
	return p
}

// rangeOf says a range in words.
func rangeOf(min, max float64) string {
	text := fmt.Sprintf("from %g", min)
	if whole := math.Floor(min); min != whole && math.Nextafter(whole, math.Inf(1)) == min {
		text = fmt.Sprintf("above %g", whole)
	}
	switch short, err := strconv.ParseFloat(fmt.Sprintf("%.6g", max), 64); {
	case max == math.MaxFloat32:
		return "a number " + text + " on"
	case err == nil && math.Nextafter(short, math.Inf(-1)) == max:
		return fmt.Sprintf("a number %s, below %g", text, short)
	}
	return fmt.Sprintf("a number %s to %g", text, max)
}

// Whole is a parameter of whole numbers from min to max, both included.
func Whole(name, about string, at *int, min, max int) Parameter {
	p := Parameter{Name: name, About: about, Range: fmt.Sprintf("a whole number from %d to %d", min, max)}
	p.text = func() string { return strconv.Itoa(*at) }
	p.set = func(text string) bool {
		value, err := strconv.Atoi(text)
		if err != nil || value < min || value > max {
			return false
		}
		*at = value
		return true
	}
	return p
}

// Truth is a parameter that is true or false.
func Truth(name, about string, at *bool) Parameter {
	p := Parameter{Name: name, About: about, Range: "true or false", truth: true}
	p.text = func() string { return strconv.FormatBool(*at) }
	p.set = func(text string) bool {
		*at = text == "true"
		return *at || text == "false"
	}
	return p
}

// Word is a parameter that is one of several values, each written as its String.
func Word[W fmt.Stringer](name, about string, at *W, words ...W) Parameter {
	var texts []string
	for _, w := range words {
		texts = append(texts, w.String())
	}
	p := Parameter{Name: name, About: about, Range: "one of " + strings.Join(texts, ", ")}
	p.text = func() string { return (*at).String() }
	p.set = func(text string) bool {
		for i, known := range texts {
			if text == known {
				*at = words[i]
				return true
			}
		}
		return false
	}
	return p
}

// Name is a parameter that is the name of something else, without spaces.
func Name(name, about string, at *string) Parameter {
	p := Parameter{Name: name, About: about, Range: "a name"}
	p.text = func() string { return *at }
	p.set = func(text string) bool { *at = text; return true }
	return p
}

// Give sets the parameter by a text, an error where that is not in the Range.
func (p Parameter) Give(value string) error {
	if !p.set(value) {
		return fmt.Errorf("%s %s: want %s", p.Name, value, p.Range)
	}
	return nil
}
