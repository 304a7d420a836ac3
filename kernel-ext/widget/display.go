package widget

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"maps"

	"gantry.local/kernel-ext/channel"
)

// Widget is a widget of this package that can be displayed and put into boxes.
type Widget interface{ core() *model }

// common is what all widgets have.
type common struct{ m *model }

func (c common) core() *model { return c.m }

// Layout is how a widget takes its place; each field is CSS, such as "50%" or "2px 0 0 4px". Fields that are "" stay as
// they are.
type Layout struct {
	Width, Height, MinWidth, MaxWidth, MinHeight, MaxHeight string
	Margin, Padding, Overflow, Display, Visibility          string
	FlexFlow, Flex, AlignItems, AlignSelf, JustifyContent   string
	GridTemplateColumns, GridGap, ObjectFit                 string
}

// SetLayout changes the layout.
func (c common) SetLayout(l Layout) {
	c.m.ui.mu.Lock()
	defer c.m.ui.mu.Unlock()
	layout, _ := c.m.state["layout"].(*model)
	for name, value := range map[string]string{
		"width": l.Width, "height": l.Height, "min_width": l.MinWidth, "max_width": l.MaxWidth, "min_height": l.MinHeight,
		"max_height": l.MaxHeight, "margin": l.Margin, "padding": l.Padding, "overflow": l.Overflow, "display": l.Display,
		"visibility": l.Visibility, "flex_flow": l.FlexFlow, "flex": l.Flex, "align_items": l.AlignItems,
		"align_self": l.AlignSelf, "justify_content": l.JustifyContent, "grid_template_columns": l.GridTemplateColumns,
		"grid_gap": l.GridGap, "object_fit": l.ObjectFit,
	} {
		if value != "" {
			layout.setHeld(name, value)
		}
	}
}

// SetTooltip sets the text that appears when the pointer rests on the widget.
func (c common) SetTooltip(text string) { c.m.set("tooltip", text) }

// Close closes the widget; it vanishes where it is displayed.
func (c common) Close() {
	c.m.ui.mu.Lock()
	defer c.m.ui.mu.Unlock()
	for _, part := range []string{"layout", "style"} {
		if m, ok := c.m.state[part].(*model); ok {
			c.m.ui.closeModel(m)
		}
	}
	c.m.ui.closeModel(c.m)
}

// input is what widgets have that the user works with: a label in front, and a switch.
type input struct{ common }

// SetLabel sets the label.
func (i input) SetLabel(text string) { i.m.set("description", text) }

// SetLabelWidth sets the width of the label, as CSS; "initial" is as wide as the text needs.
func (i input) SetLabelWidth(css string) {
	i.m.ui.mu.Lock()
	defer i.m.ui.mu.Unlock()
	style, _ := i.m.state["style"].(*model)
	style.setHeld("description_width", css)
}

// SetDisabled switches the widget off, or on again.
func (i input) SetDisabled(off bool) { i.m.set("disabled", off) }

// ended is said in place of widgets whose process has gone.
const ended = "The program behind these widgets has ended. Run the cell again; widget.Host keeps widgets alive after their cell."

// Display shows w below the cell of this UI. Front-ends without widgets, and exports, show a line of text.
func (ui *UI) Display(w Widget) error { return ui.DisplayWith(w, nil) }

// DisplayWith is Display with something better to show where there are no widgets, and in place of the widgets when
// their program has ended: its keys are MIME types, its values what JSON says for them (pictures as []byte).
func (ui *UI) DisplayWith(w Widget, fallback map[string]any) error {
	view := map[string]any{"text/plain": w.core().describe() + " (a widget; this front-end shows none)"}
	rest := map[string]any{"text/plain": ended}
	for mime, value := range fallback {
		if _, err := json.Marshal(value); err != nil {
			return fmt.Errorf("widget: the fallback %s: %w", mime, err)
		}
	}
	maps.Copy(view, fallback)
	maps.Copy(rest, fallback)

	ui.mu.Lock()
	ui.tell(ui.blamed, ui.told)
	frame := ui.newBox("VBox", []*model{w.core(), ui.trouble.m})
	frame.m.lasting = true
	frame.m.state["_dom_classes"] = []string{frameClass}
	layout, _ := frame.m.state["layout"].(*model)
	layout.lasting = true
	id := newID()
	transient := map[string]string{"display_id": id}
	content := func(data map[string]any) json.RawMessage {
		return encode(map[string]any{"data": data, "metadata": map[string]any{}, "transient": transient})
	}
	farewell := channel.Message{ID: id, Type: "update_display_data", Parent: ui.parent, Content: content(rest)}
	ui.enqueue(func() (channel.Message, bool) {
		view["application/vnd.jupyter.widget-view+json"] = map[string]any{
			"version_major": 2, "version_minor": 0, "model_id": frame.m.id,
		}
		return channel.Message{Type: "display_data", Parent: ui.parent, Content: content(view)}, true
	})
	frame.m.farewell = &farewell
	ui.mu.Unlock()

	if err := ui.conn.Will(id, farewell); err != nil {
		return fmt.Errorf("widget: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushPatience)
	defer cancel()
	if err := ui.flush(ctx); err != nil {
		return fmt.Errorf("widget: the kernel did not take the display: %w", err)
	}
	return nil
}

// A frame is what is displayed: it holds a widget and, below, what is told about it. JupyterLab marks a frame that
// outlived a restart of the kernel with a broken chain, though what is in it works (see returned): the style takes the mark
// away, for the widgets inside have marks of their own.
const (
	frameClass = "gantry-frame"
	frameStyle = "<style>." + frameClass + ".jupyter-widgets-disconnected::before{content:none;padding:0}</style>"
)

// tell shows a text below the widgets, "" for none; ui.mu is held.
func (ui *UI) tell(about *model, text string) {
	ui.blamed, ui.told = about, text
	if ui.trouble == nil {
		ui.trouble = ui.newHTML(frameStyle)
	}
	layout, _ := ui.trouble.m.state["layout"].(*model)
	if text == "" {
		layout.setHeld("display", "none")
		return
	}
	const alert = `<div role="alert" style="color:#b3261e;white-space:pre-wrap">`
	ui.trouble.m.setHeld("value", frameStyle+alert+html.EscapeString(text)+"</div>")
	layout.setHeld("display", nil)
}
