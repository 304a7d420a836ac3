package widget

import (
	"encoding/json"
	"math"
)

// Range is what a slider covers.
type Range struct {
	Label    string
	Min, Max float64 // Max is at least Min; of a FloatLogSlider both are above 0
	Step     float64 // default 0.1; of a FloatLogSlider the step of the exponent
	Value    float64 // at the start, brought into the range
	Format   string  // of the number beside the slider, as d3-format has it; default ".2f", of a FloatLogSlider ".3g"
	Final    bool    // tell only the value at which the slider is let go
}

// IntRange is what a slider of whole numbers covers.
type IntRange struct {
	Label    string
	Min, Max int  // Max is at least Min
	Step     int  // default 1
	Value    int  // at the start, brought into the range
	Final    bool // tell only the value at which the slider is let go
}

// FloatSlider is a slider.
type FloatSlider struct {
	input
	low, high float64
}

// FloatSlider makes a slider from r.Min to r.Max.
func (ui *UI) FloatSlider(r Range) *FloatSlider {
	r = r.finite()
	return ui.floatSlider("FloatSlider", r, or(r.Format, ".2f"), fields{"min": r.Min, "max": r.Max})
}

// FloatLogSlider makes a slider from r.Min to r.Max that moves in powers of ten. Its values are those of r, no exponents.
func (ui *UI) FloatLogSlider(r Range) *FloatSlider {
	r = r.finite()
	smallest := math.SmallestNonzeroFloat64
	r.Min, r.Max = max(r.Min, smallest), max(r.Max, smallest)
	return ui.floatSlider("FloatLogSlider", r, or(r.Format, ".3g"), fields{
		"min": math.Log10(r.Min), "max": math.Log10(r.Max), "base": 10.0,
	})
}

func (ui *UI) floatSlider(name string, r Range, format string, more fields) *FloatSlider {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	s := &FloatSlider{low: r.Min, high: max(r.Min, r.Max)}
	more["value"], more["step"], more["readout_format"] = s.within(r.Value), or(r.Step, 0.1), format
	s.input = input{common{ui.newSlider(name, r.Label, r.Final, more)}}
	s.m.accept["value"] = func(raw json.RawMessage) (any, bool) {
		v, ok := reader[float64](raw)
		if !ok {
			return nil, false
		}
		return s.within(v.(float64)), true
	}
	return s
}

func (ui *UI) newSlider(name, label string, final bool, more fields) *model {
	state := described(label, fields{
		"disabled": false, "orientation": "horizontal", "readout": true, "continuous_update": !final, "behavior": "drag-tap",
	})
	for key, value := range more {
		state[key] = value
	}
	return ui.newWidget(name, name, "Slider", state)
}

// finite returns the range with 0 for what is no number.
func (r Range) finite() Range {
	for _, v := range []*float64{&r.Min, &r.Max, &r.Step, &r.Value} {
		*v = finite(*v)
	}
	return r
}

func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// or returns value, or the default for the zero value.
func or[T comparable](value, byDefault T) T {
	var zero T
	if value == zero {
		return byDefault
	}
	return value
}

func (s *FloatSlider) within(v float64) float64 {
	if math.IsNaN(v) {
		return s.low
	}
	return min(max(v, s.low), s.high)
}

// Value returns the value.
func (s *FloatSlider) Value() float64 { return get[float64](s.m, "value") }

// Set sets the value, brought into the range. It calls no callback.
func (s *FloatSlider) Set(v float64) { s.m.set("value", s.within(v)) }

// OnChange has f called with the value that the user has chosen.
func (s *FloatSlider) OnChange(f func(v float64)) { onChange(s.m, "value", f) }

// IntSlider is a slider of whole numbers.
type IntSlider struct {
	input
	low, high int
}

// IntSlider makes a slider from r.Min to r.Max.
func (ui *UI) IntSlider(r IntRange) *IntSlider {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	s := &IntSlider{low: r.Min, high: max(r.Min, r.Max)}
	s.input = input{common{ui.newSlider("IntSlider", r.Label, r.Final, fields{
		"min": s.low, "max": s.high, "value": s.within(r.Value), "step": or(r.Step, 1), "readout_format": "d",
	})}}
	s.m.accept["value"] = func(raw json.RawMessage) (any, bool) {
		v, ok := reader[float64](raw)
		if !ok {
			return nil, false
		}
		// in range before it is whole: a number too large for int has no meaning as one
		return int(math.Round(min(max(v.(float64), float64(s.low)), float64(s.high)))), true
	}
	return s
}

func (s *IntSlider) within(v int) int { return min(max(v, s.low), s.high) }

// Value returns the value.
func (s *IntSlider) Value() int { return get[int](s.m, "value") }

// Set sets the value, brought into the range. It calls no callback.
func (s *IntSlider) Set(v int) { s.m.set("value", s.within(v)) }

// OnChange has f called with the value that the user has chosen.
func (s *IntSlider) OnChange(f func(v int)) { onChange(s.m, "value", f) }
