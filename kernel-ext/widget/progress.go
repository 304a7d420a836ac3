package widget

import "math"

// FloatProgress is a bar that fills.
type FloatProgress struct {
	common
	low, high float64
}

// FloatProgress makes a bar that is empty at low, where it starts, and full at high.
func (ui *UI) FloatProgress(label string, low, high float64) *FloatProgress {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	low, high = finite(low), max(finite(low), finite(high))
	return &FloatProgress{common{ui.newWidget("FloatProgress", "Progress", "Progress", described(label, fields{
		"bar_style": "", "min": low, "max": high, "orientation": "horizontal", "value": low,
	}))}, low, high}
}

// Value returns how far it is.
func (p *FloatProgress) Value() float64 { return get[float64](p.m, "value") }

// Set says how far it is, brought into the range.
func (p *FloatProgress) Set(v float64) {
	if math.IsNaN(v) {
		v = p.low
	}
	p.m.set("value", min(max(v, p.low), p.high))
}

// SetLabel sets the label.
func (p *FloatProgress) SetLabel(text string) { p.m.set("description", text) }

// SetStyle sets the colour by its meaning: "success", "info", "warning", "danger" or "".
func (p *FloatProgress) SetStyle(style string) { p.m.set("bar_style", style) }
