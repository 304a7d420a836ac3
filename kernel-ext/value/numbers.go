package value

import (
	"math"
	"reflect"
	"strconv"
	"strings"
)

// isNumber tells whether values of a kind are numbers in an order.
func isNumber(k reflect.Kind) bool {
	return k >= reflect.Int && k <= reflect.Uint64 || k == reflect.Float32 || k == reflect.Float64
}

// scalar describes a number or a truth value, as fmt prints it.
func scalar(v reflect.Value) *node {
	n := &node{number: true}
	switch {
	case v.CanInt():
		n.text = strconv.FormatInt(v.Int(), 10)
	case v.Kind() == reflect.Uintptr:
		n.text = "0x" + strconv.FormatUint(v.Uint(), 16)
	case v.CanUint():
		n.text = strconv.FormatUint(v.Uint(), 10)
	case v.CanFloat():
		bits := v.Type().Bits()
		n.text, n.cell = strconv.FormatFloat(v.Float(), 'g', -1, bits), short(v.Float())
	case v.CanComplex():
		n.text = strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits())
	case v.Kind() == reflect.Bool:
		n.text, n.number = strconv.FormatBool(v.Bool()), false
	default:
		n.text = typeName(v.Type())
	}
	return n
}

// short is a number of six digits at most.
func short(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

// noteOf says how many elements a slice or array has and, of numbers, in which range they lie: "10 000 numbers in 0 … 9999,
// mean 4999.5". Slices of slices of numbers have their shape: "28×28 numbers in …".
func (w *walker) noteOf(v reflect.Value) string {
	shape, of := w.shapeOf(v)
	if !isNumber(of.Kind()) {
		if len(shape) > 1 {
			return times(shape) + " elements"
		}
		return plural(v.Len(), "element", "elements")
	}
	note := times(shape) + " numbers"
	if len(shape) == 1 {
		note = plural(shape[0], "number", "numbers")
	}
	s := summary{low: math.Inf(1), high: math.Inf(-1)}
	w.summarise(v, &s)
	if s.finite == 0 {
		return note + s.odd()
	}
	in := " in "
	if w.looked == 0 {
		in = ", the first " + grouped(s.finite+s.nan+s.endless) + " in "
	}
	return note + in + short(s.low) + " … " + short(s.high) + ", mean " + short(s.sum/float64(s.finite)) + s.odd()
}

// summary is what is said of many numbers.
type summary struct {
	low, high, sum       float64 // of the finite ones
	finite, nan, endless int
}

func (s *summary) add(x float64) {
	switch {
	case x != x:
		s.nan++
	case x-x != 0:
		s.endless++
	default:
		s.low, s.high = min(s.low, x), max(s.high, x)
		s.sum += x
		s.finite++
	}
}

// odd names the numbers that are not finite.
func (s *summary) odd() string {
	text := ""
	if s.nan > 0 {
		text += ", " + grouped(s.nan) + " NaN"
	}
	if s.endless > 0 {
		text += ", " + grouped(s.endless) + " infinite"
	}
	return text
}

// summarise adds the numbers of a slice or array, of slices too.
func (w *walker) summarise(v reflect.Value, s *summary) {
	switch kind := v.Type().Elem().Kind(); {
	case kind == reflect.Slice || kind == reflect.Array:
		for i := 0; i < v.Len() && w.looked > 0; i++ {
			w.looked-- // so that empty ones come to an end too
			w.summarise(v.Index(i), s)
		}
	case isNumber(kind):
		n := min(v.Len(), w.looked)
		w.looked -= n
		for i := range n {
			switch x := v.Index(i); {
			case x.CanFloat():
				s.add(x.Float())
			case x.CanInt():
				s.add(float64(x.Int()))
			default:
				s.add(float64(x.Uint()))
			}
		}
	}
}

// shapeOf returns the lengths of a slice of slices along each axis, as far as they are the same throughout, and what lies
// in the innermost of these.
func (w *walker) shapeOf(v reflect.Value) (shape []int, of reflect.Type) {
	of = v.Type().Elem()
	shape = []int{v.Len()}
	rows := []reflect.Value{v}
	for of.Kind() == reflect.Slice || of.Kind() == reflect.Array {
		length, next := -1, []reflect.Value(nil)
		for _, row := range rows {
			for i := range row.Len() {
				inner := row.Index(i)
				if length < 0 {
					length = inner.Len()
				}
				if inner.Len() != length || w.looked == 0 || len(next) == mostShaped {
					return shape, of
				}
				w.looked--
				next = append(next, inner)
			}
		}
		if length < 0 {
			return shape, of
		}
		shape, of, rows = append(shape, length), of.Elem(), next
	}
	return shape, of
}

// mostShaped is how many slices are compared in length along an axis.
const mostShaped = 10_000

// times writes a shape: 28×28.
func times(shape []int) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, "×")
}

// grouped writes a number with its digits in groups of three: 9 990.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + " " + digits[at:]
	}
	return digits
}

// plural writes a number of things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}
