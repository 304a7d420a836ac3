package widget

// Button is a button.
type Button struct{ input }

// Button makes a button.
func (ui *UI) Button(label string) *Button {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	return &Button{input{common{ui.newWidget("Button", "Button", "Button", fields{
		"description": label, "disabled": false, "icon": "", "button_style": "",
	})}}}
}

// OnClick has f called at each click.
func (b *Button) OnClick(f func()) {
	b.m.ui.mu.Lock()
	defer b.m.ui.mu.Unlock()
	b.m.on("click", f)
}

// SetIcon sets the picture before the label, by the name that Font Awesome gives it: "play", "pause", "step-forward".
func (b *Button) SetIcon(name string) { b.m.set("icon", name) }

// SetStyle sets the colour by its meaning: "primary", "success", "info", "warning", "danger" or "".
func (b *Button) SetStyle(style string) { b.m.set("button_style", style) }
