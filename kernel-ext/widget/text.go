package widget

// placeholder is what ipywidgets shows in an empty field: a space without width, so that the field has a height.
const placeholder = "\u200b"

// Text is a line that the user can edit.
type Text struct{ input }

// Text makes a line to edit.
func (ui *UI) Text(label, value string) *Text {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	t := &Text{input{common{ui.newWidget("Text", "Text", "Text", described(label, fields{
		"disabled": false, "continuous_update": true, "placeholder": placeholder, "value": value,
	}))}}}
	t.m.accept["value"] = reader[string]
	return t
}

// Value returns the text.
func (t *Text) Value() string { return get[string](t.m, "value") }

// Set sets the text. It calls no callback.
func (t *Text) Set(value string) { t.m.set("value", value) }

// SetPlaceholder sets what a line without text shows.
func (t *Text) SetPlaceholder(text string) { t.m.set("placeholder", text) }

// OnChange has f called with the text whenever the user has changed it, after each key.
func (t *Text) OnChange(f func(value string)) { onChange(t.m, "value", f) }

// OnSubmit has f called with the text when the user presses Enter.
func (t *Text) OnSubmit(f func(value string)) {
	t.m.ui.mu.Lock()
	defer t.m.ui.mu.Unlock()
	t.m.on("submit", func() { f(t.Value()) })
}

// Label is a line of text that only Go changes.
type Label struct{ common }

// Label makes a line of text.
func (ui *UI) Label(text string) *Label {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	return &Label{common{ui.newWidget("Label", "Label", "Label", described("", fields{
		"placeholder": placeholder, "value": text,
	}))}}
}

// Value returns the text.
func (l *Label) Value() string { return get[string](l.m, "value") }

// Set sets the text.
func (l *Label) Set(text string) { l.m.set("value", text) }

// HTML is a piece of HTML that only Go changes.
type HTML struct{ common }

// HTML makes a piece of HTML, which is shown as it is: escape what comes from elsewhere.
func (ui *UI) HTML(html string) *HTML {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	return ui.newHTML(html)
}

// newHTML is HTML with ui.mu held.
func (ui *UI) newHTML(html string) *HTML {
	return &HTML{common{ui.newWidget("HTML", "HTML", "HTML", described("", fields{
		"placeholder": placeholder, "value": html,
	}))}}
}

// Value returns the HTML.
func (h *HTML) Value() string { return get[string](h.m, "value") }

// Set sets the HTML.
func (h *HTML) Set(html string) { h.m.set("value", html) }
