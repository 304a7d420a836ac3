package widget

import "encoding/json"

// Box holds other widgets.
type Box struct{ common }

// HBox puts widgets side by side.
func (ui *UI) HBox(children ...Widget) *Box {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	return ui.newBox("HBox", models(children))
}

// VBox puts widgets below each other.
func (ui *UI) VBox(children ...Widget) *Box {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	return ui.newBox("VBox", models(children))
}

// newBox makes a box; ui.mu is held.
func (ui *UI) newBox(name string, children []*model) *Box {
	return &Box{common{ui.newWidget(name, name, "", fields{"box_style": "", "children": children})}}
}

func models(widgets []Widget) []*model {
	children := make([]*model, 0, len(widgets))
	for _, w := range widgets {
		children = append(children, w.core())
	}
	return children
}

// SetChildren replaces what the box holds.
func (b *Box) SetChildren(children ...Widget) { b.m.set("children", models(children)) }

// Page is one page of a Tab.
type Page struct {
	Title   string
	Content Widget
}

// Tab shows one page at a time.
type Tab struct{ common }

// Tab makes pages, the first of which is in front.
func (ui *UI) Tab(pages ...Page) *Tab {
	titles, children := make([]string, 0, len(pages)), make([]*model, 0, len(pages))
	var front any
	for _, page := range pages {
		titles, children, front = append(titles, page.Title), append(children, page.Content.core()), 0
	}
	ui.mu.Lock()
	defer ui.mu.Unlock()
	t := &Tab{common{ui.newWidget("Tab", "Tab", "", fields{
		"box_style": "", "children": children, "selected_index": front, "titles": titles,
	})}}
	t.m.accept["selected_index"] = func(raw json.RawMessage) (any, bool) {
		v, ok := reader[int](raw)
		return v, ok && v.(int) >= 0 && v.(int) < len(children)
	}
	return t
}

// Selected returns the number of the page in front, from 0, or -1.
func (t *Tab) Selected() int {
	t.m.ui.mu.Lock()
	defer t.m.ui.mu.Unlock()
	if i, ok := t.m.state["selected_index"].(int); ok {
		return i
	}
	return -1
}

// Select brings a page to the front; one that does not exist changes nothing. It calls no callback.
func (t *Tab) Select(page int) {
	t.m.ui.mu.Lock()
	defer t.m.ui.mu.Unlock()
	if pages, _ := t.m.state["children"].([]*model); page >= 0 && page < len(pages) {
		t.m.setHeld("selected_index", page)
	}
}

// OnChange has f called with the number of the page that the user has chosen.
func (t *Tab) OnChange(f func(page int)) { onChange(t.m, "selected_index", f) }
