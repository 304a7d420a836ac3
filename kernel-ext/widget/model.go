package widget

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"gantry.local/kernel-ext/channel"
)

const (
	target          = "jupyter.widget"
	protocolVersion = "2.1.0"
	base            = "@jupyter-widgets/base"
	controls        = "@jupyter-widgets/controls"
	output          = "@jupyter-widgets/output"
)

// dragPause is how long a value that the user has just moved is left to the user: what Go sets meanwhile is sent
// afterwards, if the user has not moved on. So a program that follows the state of something and sets the slider does not
// tear it from the user's hand.
const dragPause = 300 * time.Millisecond

// fields is the state of a model: what JSON can say, []byte for binary data, *model and []*model for references.
type fields map[string]any

// model is the Go end of one widget model. Its fields are guarded by the UI's mutex.
type model struct {
	ui      *UI
	id      string // of its comm
	state   fields
	lasting bool // keeps its id when the kernel restarts

	dirty  map[string]bool      // fields that the front-ends have not been told
	queued bool                 // a job will tell them
	user   map[string]time.Time // when the user last changed a field

	accept  map[string]func(json.RawMessage) (any, bool) // the fields that a front-end may change, with their readers
	notify  map[string]func(value any)                   // what to call when it did
	custom  map[string]func()                            // what to call for events that change nothing
	waiting map[string]*event                            // notifications that are due
	ended   bool

	farewell *channel.Message // what takes the place of the display of a frame; its ID is that of the will
}

// newID returns an identifier like those of ipywidgets.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// newModel opens a model. It is called with ui.mu held.
func (ui *UI) newModel(module, modelName, viewModule, viewName string, state fields) *model {
	version := "2.0.0"
	if module == output {
		version = "1.0.0"
	}
	full := fields{
		"_model_module": module, "_model_module_version": version, "_model_name": modelName,
		"_view_module": viewModule, "_view_module_version": version, "_view_name": viewName, "_view_count": nil,
	}
	maps.Copy(full, state)
	m := &model{
		ui: ui, id: newID(), state: full, dirty: map[string]bool{}, user: map[string]time.Time{},
		accept: map[string]func(json.RawMessage) (any, bool){}, notify: map[string]func(any){}, custom: map[string]func(){},
		waiting: map[string]*event{},
	}
	if ui.closed {
		m.ended = true
		return m
	}
	ui.models = append(ui.models, m)
	ui.enqueue(func() (channel.Message, bool) {
		clear(m.dirty)
		state, paths, buffers := m.encode(m.state, nil)
		return channel.Message{
			Type: "comm_open", Parent: ui.parent, Metadata: encode(map[string]string{"version": protocolVersion}), Buffers: buffers,
			Content: encode(map[string]any{
				"comm_id": m.id, "target_name": target, "data": map[string]any{"state": state, "buffer_paths": paths},
			}),
		}, !m.ended
	})
	return m
}

// newWidget opens the models of a widget that can be seen: it, its layout, and its style, unless style is "".
func (ui *UI) newWidget(name, view, style string, state fields) *model {
	full := fields{
		"_dom_classes": []string{}, "tabbable": nil, "tooltip": nil,
		"layout": ui.newModel(base, "LayoutModel", base, "LayoutView", layoutFields()),
	}
	if style != "" {
		full["style"] = ui.newModel(controls, style+"StyleModel", base, "StyleView", styles(style))
	}
	maps.Copy(full, state)
	return ui.newModel(controls, name+"Model", controls, view+"View", full)
}

// described adds the fields of a widget with a label in front.
func described(label string, state fields) fields {
	full := fields{"description": label, "description_allow_html": false}
	maps.Copy(full, state)
	return full
}

func layoutFields() fields {
	all := fields{}
	for _, name := range strings.Fields(`align_content align_items align_self border_bottom border_left border_right border_top
		bottom display flex flex_flow grid_area grid_auto_columns grid_auto_flow grid_auto_rows grid_column grid_gap grid_row
		grid_template_areas grid_template_columns grid_template_rows height justify_content justify_items left margin
		max_height max_width min_height min_width object_fit object_position order overflow padding right top visibility
		width`) {
		all[name] = nil
	}
	return all
}

// styles returns the fields of a style model, all at their defaults.
func styles(style string) fields {
	names := map[string]string{
		"Button":      "button_color font_family font_size font_style font_variant font_weight text_color text_decoration",
		"Slider":      "handle_color",
		"Description": "",
		"Checkbox":    "background",
		"Text":        "background font_size text_color",
		"Label":       "background font_family font_size font_style font_variant font_weight text_color text_decoration",
		"HTML":        "background font_size text_color",
		"Progress":    "bar_color",
	}[style]
	all := fields{}
	for _, name := range strings.Fields(names) {
		all[name] = nil
	}
	if style != "Button" {
		all["description_width"] = ""
	}
	return all
}

// encode turns fields into what JSON can say, and takes the binary ones out: their paths, below prefix, and contents.
func (m *model) encode(state fields, prefix []any) (plain map[string]any, paths [][]any, buffers [][]byte) {
	plain, paths = map[string]any{}, [][]any{}
	for _, key := range slices.Sorted(maps.Keys(state)) {
		switch v := state[key].(type) {
		case []byte:
			paths = append(paths, append(slices.Clone(prefix), key))
			buffers = append(buffers, v)
		case *model:
			plain[key] = "IPY_MODEL_" + v.id
		case []*model:
			ids := []string{}
			for _, child := range v {
				ids = append(ids, "IPY_MODEL_"+child.id)
			}
			plain[key] = ids
		default:
			plain[key] = v
		}
	}
	return plain, paths, buffers
}

// message is a comm_msg that tells some of the state.
func (m *model) message(method string, state fields, parent json.RawMessage) channel.Message {
	plain, paths, buffers := m.encode(state, nil)
	return channel.Message{
		Type: "comm_msg", Parent: parent, Buffers: buffers,
		Content: encode(map[string]any{
			"comm_id": m.id, "data": map[string]any{"method": method, "state": plain, "buffer_paths": paths},
		}),
	}
}

// set changes a field and tells the front-ends.
func (m *model) set(key string, value any) {
	m.ui.mu.Lock()
	defer m.ui.mu.Unlock()
	m.setHeld(key, value)
}

// setHeld is set with ui.mu held.
func (m *model) setHeld(key string, value any) {
	if _, binary := value.([]byte); !binary && reflect.DeepEqual(m.state[key], value) {
		return
	}
	m.state[key] = value
	m.dirty[key] = true
	m.update()
}

// get reads a field.
func get[T any](m *model, key string) T {
	m.ui.mu.Lock()
	defer m.ui.mu.Unlock()
	value, _ := m.state[key].(T)
	return value
}

// update has the front-ends told of what is dirty, once: what changes before the message is on its way goes with it.
func (m *model) update() {
	if m.queued || m.ended {
		return
	}
	m.queued = true
	m.ui.enqueue(func() (channel.Message, bool) {
		m.queued = false
		news := fields{}
		wait := time.Duration(0)
		for key := range m.dirty {
			if left := dragPause - time.Since(m.user[key]); left > 0 {
				wait = max(wait, left)
				continue
			}
			news[key] = m.state[key]
			delete(m.dirty, key)
		}
		if wait > 0 && !m.ui.closed {
			time.AfterFunc(wait, func() {
				m.ui.mu.Lock()
				defer m.ui.mu.Unlock()
				m.update()
			})
		}
		if m.ended || len(news) == 0 {
			return channel.Message{}, false
		}
		return m.message("update", news, m.ui.parent), true
	})
}

// changed takes over what a front-end has changed and returns the calls that are due because of it. Every front-end is
// told, also the one that said it: it ignores older values until it hears its own.
func (m *model) changed(news map[string]json.RawMessage, said channel.Message) []*event {
	echo := fields{}
	var due []*event
	for _, key := range slices.Sorted(maps.Keys(news)) {
		read := m.accept[key]
		if read == nil {
			continue
		}
		value, ok := read(news[key])
		if !ok {
			continue
		}
		echo[key] = value
		before := m.state[key]
		m.state[key] = value
		m.user[key] = time.Now()
		delete(m.dirty, key)
		call := m.notify[key]
		if call == nil || before == value {
			continue
		}
		e := m.waiting[key]
		if e == nil {
			e = &event{of: m}
			m.waiting[key] = e
			m.ui.events = append(m.ui.events, e)
		}
		for _, id := range e.ids { // overtaken
			m.ui.done(id)
		}
		e.ids = nil
		e.call = func() { call(value) }
		due = append(due, e)
	}
	if len(echo) > 0 {
		m.ui.enqueue(func() (channel.Message, bool) { return m.message("echo_update", echo, said.Parent), !m.ended })
	}
	return due
}

// on has f called for a custom event, after what is called for it already; ui.mu is held.
func (m *model) on(event string, f func()) {
	before := m.custom[event]
	m.custom[event] = func() {
		if before != nil {
			before()
		}
		f()
	}
}

// onChange has f called when the user has changed a field, after what is called already.
func onChange[T any](m *model, key string, f func(T)) {
	m.ui.mu.Lock()
	defer m.ui.mu.Unlock()
	before := m.notify[key]
	m.notify[key] = func(value any) {
		if before != nil {
			before(value)
		}
		if v, ok := value.(T); ok {
			f(v)
		}
	}
}

// states is the answer to a front-end that knows nothing yet.
func (ui *UI) states() (content json.RawMessage, buffers [][]byte) {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	all := map[string]any{}
	paths := [][]any{}
	for _, m := range ui.models {
		plain, its, data := m.encode(m.state, []any{m.id, "state"})
		all[m.id] = map[string]any{
			"model_name": m.state["_model_name"], "model_module": m.state["_model_module"],
			"model_module_version": m.state["_model_module_version"], "state": plain,
		}
		paths, buffers = append(paths, its...), append(buffers, data...)
	}
	return encode(map[string]any{"states": all, "buffer_paths": paths}), buffers
}

// closeModel closes a model; ui.mu is held.
func (ui *UI) closeModel(m *model) {
	if m.ended {
		return
	}
	m.ended = true
	ui.models = slices.DeleteFunc(ui.models, func(other *model) bool { return other == m })
	if m.farewell != nil {
		ui.enqueue(func() (channel.Message, bool) { return *m.farewell, true })
	}
	ui.enqueue(func() (channel.Message, bool) {
		return channel.Message{Type: "comm_close", Parent: ui.parent,
			Content: encode(map[string]any{"comm_id": m.id, "data": map[string]any{}})}, true
	})
}

// describe names a widget for a person.
func (m *model) describe() string {
	name, _ := m.state["_model_name"].(string)
	name = strings.TrimSuffix(name, "Model")
	if label, _ := m.state["description"].(string); label != "" {
		return name + " “" + label + "”"
	}
	return name
}

// encode is json.Marshal for what always encodes: numbers are checked where they are set.
func encode(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

// reader reads a field of type T as a front-end writes it.
func reader[T any](raw json.RawMessage) (any, bool) {
	var v *T
	if json.Unmarshal(raw, &v) != nil || v == nil {
		return nil, false
	}
	return *v, true
}
