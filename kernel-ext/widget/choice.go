package widget

import (
	"encoding/json"
	"slices"
)

// Dropdown is a choice of one among several.
type Dropdown struct{ input }

// Dropdown makes a choice; the first option is chosen. Without options nothing is.
func (ui *UI) Dropdown(label string, options ...string) *Dropdown {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	d := &Dropdown{input{common{ui.newWidget("Dropdown", "Dropdown", "Description", described(label, fields{
		"disabled": false, "_options_labels": slices.Concat([]string{}, options), "index": first(options),
	}))}}}
	d.m.accept["index"] = func(raw json.RawMessage) (any, bool) {
		if string(raw) == "null" {
			return nil, true
		}
		v, ok := reader[int](raw)
		return v, ok && v.(int) >= 0 && v.(int) < len(d.options())
	}
	return d
}

// first is the index of the first option, nil where there is none.
func first(options []string) any {
	if len(options) == 0 {
		return nil
	}
	return 0
}

// options returns what there is to choose from; ui.mu is held.
func (d *Dropdown) options() []string {
	options, _ := d.m.state["_options_labels"].([]string)
	return options
}

// at returns the option with this index, "" for none; ui.mu is held.
func (d *Dropdown) at(index any) string {
	if i, ok := index.(int); ok && i < len(d.options()) {
		return d.options()[i]
	}
	return ""
}

// Value returns the chosen option, or "".
func (d *Dropdown) Value() string {
	d.m.ui.mu.Lock()
	defer d.m.ui.mu.Unlock()
	return d.at(d.m.state["index"])
}

// Index returns the number of the chosen option, from 0, or -1.
func (d *Dropdown) Index() int {
	d.m.ui.mu.Lock()
	defer d.m.ui.mu.Unlock()
	if i, ok := d.m.state["index"].(int); ok {
		return i
	}
	return -1
}

// Set chooses an option; one that does not exist changes nothing. It calls no callback.
func (d *Dropdown) Set(option string) {
	d.m.ui.mu.Lock()
	defer d.m.ui.mu.Unlock()
	if i := slices.Index(d.options(), option); i >= 0 {
		d.m.setHeld("index", i)
	}
}

// SetOptions replaces the options. What was chosen stays so where it is still among them; else the first is.
func (d *Dropdown) SetOptions(options ...string) {
	d.m.ui.mu.Lock()
	defer d.m.ui.mu.Unlock()
	chosen := d.at(d.m.state["index"])
	d.m.setHeld("_options_labels", slices.Concat([]string{}, options))
	index := first(options)
	if i := slices.Index(options, chosen); i >= 0 {
		index = i
	}
	d.m.setHeld("index", index)
}

// OnChange has f called with the option that the user has chosen.
func (d *Dropdown) OnChange(f func(option string)) {
	onChange(d.m, "index", func(int) { f(d.Value()) })
}

// Checkbox is a switch.
type Checkbox struct{ input }

// Checkbox makes a switch.
func (ui *UI) Checkbox(label string, on bool) *Checkbox {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	c := &Checkbox{input{common{ui.newWidget("Checkbox", "Checkbox", "Checkbox", described(label, fields{
		"disabled": false, "indent": true, "value": on,
	}))}}}
	c.m.accept["value"] = reader[bool]
	return c
}

// Value tells whether it is on.
func (c *Checkbox) Value() bool { return get[bool](c.m, "value") }

// Set sets it. It calls no callback.
func (c *Checkbox) Set(on bool) { c.m.set("value", on) }

// OnChange has f called when the user has set it.
func (c *Checkbox) OnChange(f func(on bool)) { onChange(c.m, "value", f) }
