package widget

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/internal/private"
)

// kernel is the kernel's end of the channel, with what was said to it.
type kernel struct {
	t        *testing.T
	path     string
	listener net.Listener
	name     string

	mu     sync.Mutex
	peer   *channel.Peer
	said   []channel.Frame
	news   chan struct{} // gets a value when something was said
	hold   chan struct{} // when not nil, nothing is read until it is closed
	closed sync.WaitGroup
}

const patience = 10 * time.Second

// newKernel listens in a folder with a short path.
func newKernel(t *testing.T, path, name string) *kernel {
	t.Helper()
	if path == "" {
		dir, err := os.MkdirTemp("", "gw-")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		path = filepath.Join(dir, "k", channel.SocketFile)
	}
	l, err := private.ListenAt(path)
	if err != nil {
		t.Fatal(err)
	}
	k := &kernel{t: t, path: path, listener: l, name: name, news: make(chan struct{}, 1)}
	k.closed.Go(k.serve)
	t.Cleanup(k.stop)
	return k
}

func (k *kernel) serve() {
	for {
		conn, err := k.listener.Accept()
		if err != nil {
			return
		}
		peer, err := channel.Accept(conn, k.name, func() json.RawMessage { return json.RawMessage(`{"msg_id":"cell"}`) })
		if err != nil {
			continue
		}
		k.mu.Lock()
		k.peer = peer
		k.mu.Unlock()
		k.closed.Go(func() { k.read(peer) })
	}
}

func (k *kernel) read(peer *channel.Peer) {
	for {
		k.mu.Lock()
		hold := k.hold
		k.mu.Unlock()
		if hold != nil {
			<-hold
		}
		f, err := peer.Receive()
		if err != nil {
			return
		}
		if f.Kind == channel.Flush {
			peer.Send(channel.Frame{Kind: channel.Flushed, Message: channel.Message{ID: f.ID}})
		}
		k.mu.Lock()
		k.said = append(k.said, f)
		k.mu.Unlock()
		select {
		case k.news <- struct{}{}:
		default:
		}
	}
}

func (k *kernel) stop() {
	k.listener.Close()
	k.mu.Lock()
	if k.peer != nil {
		k.peer.Close()
	}
	k.mu.Unlock()
	k.closed.Wait()
}

// await waits for a frame that want accepts, from the n-th on, and returns it and the number of the next.
func (k *kernel) await(what string, n int, want func(f channel.Frame) bool) (channel.Frame, int) {
	k.t.Helper()
	timeout := time.After(patience)
	for {
		k.mu.Lock()
		fresh := k.said[n:]
		k.mu.Unlock()
		for _, f := range fresh {
			n++
			if want(f) {
				return f, n
			}
		}
		select {
		case <-k.news:
		case <-timeout:
			k.t.Fatalf("no %s among %d frames", what, k.heard())
		}
	}
}

// heard is the number of frames so far.
func (k *kernel) heard() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.said)
}

// tell hands over a front-end's comm_msg.
func (k *kernel) tell(id, comm string, data any) {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.peer.Send(channel.Frame{Kind: channel.Comm, Message: channel.Message{
		ID: id, Type: "comm_msg", Parent: json.RawMessage(`{"msg_id":"` + id + `"}`),
		Content: encode(map[string]any{"comm_id": comm, "data": data}),
	}})
}

func change(field string, value any) any {
	return map[string]any{"method": "update", "state": map[string]any{field: value}, "buffer_paths": []any{}}
}

func custom(event string) any {
	return map[string]any{"method": "custom", "content": map[string]any{"event": event}}
}

// content is what the tests look at in a comm message.
type content struct {
	Comm string `json:"comm_id"`
	Data struct {
		Method string         `json:"method"`
		State  map[string]any `json:"state"`
		Paths  [][]any        `json:"buffer_paths"`
	} `json:"data"`
}

func read(t *testing.T, f channel.Frame) content {
	t.Helper()
	var c content
	if err := json.Unmarshal(f.Content, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// says accepts a comm_msg of this widget with this method that tells a field.
func says(t *testing.T, w Widget, method, field string, value any) func(channel.Frame) bool {
	return func(f channel.Frame) bool {
		if f.Type != "comm_msg" {
			return false
		}
		c := read(t, f)
		got, told := c.Data.State[field]
		return c.Comm == w.core().id && c.Data.Method == method && told && reflect.DeepEqual(got, value)
	}
}

func isDone(id string) func(channel.Frame) bool {
	return func(f channel.Frame) bool { return f.Kind == channel.Done && f.ID == id }
}

func connect(t *testing.T) (*UI, *kernel) {
	t.Helper()
	k := newKernel(t, "", "first")
	ui, err := Connect(t.Context(), k.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ui.Close() })
	if err := ui.flush(t.Context()); err != nil { // k has met it
		t.Fatal(err)
	}
	return ui, k
}

// TestStates compares the state of every widget with that of ipywidgets' own (testdata/states.py).
func TestStates(t *testing.T) {
	ui, k := connect(t)
	x := ui.Label("x")
	widgets := []Widget{
		ui.Button("b"), ui.IntSlider(IntRange{Label: "i", Min: 1, Max: 9, Step: 2, Value: 5}),
		ui.FloatSlider(Range{Label: "f", Min: -1, Max: 1, Step: 0.01, Value: 0.5}),
		ui.FloatLogSlider(Range{Label: "l", Min: 1e-4, Max: 1e-1, Value: 1e-3}), ui.Dropdown("d", "a", "b"),
		ui.Checkbox("c", true), ui.Text("t", "x"), x, ui.HTML("<b>x</b>"), ui.FloatProgress("p", 0, 10), ui.Image(),
		ui.HBox(x), ui.VBox(x), ui.Tab(Page{"one", x}), ui.Output(),
	}
	if err := ui.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, m := range ui.models {
		names["IPY_MODEL_"+m.id] = "IPY_MODEL_" + m.state["_model_name"].(string)
	}
	var named func(v any) any
	named = func(v any) any {
		switch v := v.(type) {
		case string:
			if name, ok := names[v]; ok {
				return name
			}
		case []any:
			for i := range v {
				v[i] = named(v[i])
			}
		}
		return v
	}
	type state struct {
		State map[string]any `json:"state"`
		Paths [][]any        `json:"buffer_paths"`
	}
	got, want := map[string]state{}, map[string]state{}
	for _, f := range k.said {
		if f.Type != "comm_open" {
			continue
		}
		if string(f.Metadata) != `{"version":"2.1.0"}` || !strings.Contains(string(f.Content), `"target_name":"jupyter.widget"`) {
			t.Errorf("comm_open with metadata %s and content %s", f.Metadata, f.Content)
		}
		c := read(t, f)
		for key := range c.Data.State {
			c.Data.State[key] = named(c.Data.State[key])
		}
		got[c.Data.State["_model_name"].(string)] = state{c.Data.State, c.Data.Paths}
	}
	text, err := os.ReadFile("testdata/states.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(widgets) != 15 || len(got) != len(want) {
		t.Errorf("%d models, want %d", len(got), len(want))
	}
	for name, model := range want {
		for key, value := range model.State {
			mine, ok := got[name].State[key]
			if a, float := value.(float64); float && ok {
				b, _ := mine.(float64)
				ok = math.Abs(a-b) < 1e-12
			} else {
				ok = ok && reflect.DeepEqual(mine, value)
			}
			if !ok {
				t.Errorf("%s.%s is %#v, ipywidgets' is %#v", name, key, mine, value)
			}
		}
		for key := range got[name].State {
			if _, ok := model.State[key]; !ok {
				t.Errorf("%s.%s is unknown to ipywidgets", name, key)
			}
		}
		if !reflect.DeepEqual(got[name].Paths, model.Paths) {
			t.Errorf("%s: buffers %v, want %v", name, got[name].Paths, model.Paths)
		}
	}
}

// TestChangesReachCallbacks moves every widget that a user can move.
func TestChangesReachCallbacks(t *testing.T) {
	ui, k := connect(t)
	got := make(chan any, 10)
	float := ui.FloatSlider(Range{Max: 2})
	float.OnChange(func(v float64) { got <- v })
	whole := ui.IntSlider(IntRange{Max: 9})
	whole.OnChange(func(v int) { got <- v })
	log := ui.FloatLogSlider(Range{Min: 1e-3, Max: 1})
	log.OnChange(func(v float64) { got <- v })
	choice := ui.Dropdown("", "a", "b")
	choice.OnChange(func(v string) { got <- v })
	box := ui.Checkbox("", false)
	box.OnChange(func(v bool) { got <- v })
	line := ui.Text("", "")
	line.OnChange(func(v string) { got <- v })
	line.OnSubmit(func(v string) { got <- "submitted " + v })
	tab := ui.Tab(Page{"one", line}, Page{"two", box})
	tab.OnChange(func(v int) { got <- v })
	button := ui.Button("")
	button.OnClick(func() { got <- "click" })
	button.OnClick(func() { got <- "another" })
	for i, test := range []struct {
		name string
		of   Widget
		data any
		want any // nil: no callback
	}{
		{"float", float, change("value", 1.5), 1.5},
		{"float out of range", float, change("value", 7), 2.0},
		{"float unchanged", float, change("value", 2), nil},
		{"no number", float, change("value", "7"), nil},
		{"a field that is Go's", float, change("max", 7), nil},
		{"whole", whole, change("value", 3.0), 3},
		{"logarithmic", log, change("value", 0.01), 0.01},
		{"choice", choice, change("index", 1), "b"},
		{"no such choice", choice, change("index", 2), nil},
		{"no choice", choice, change("index", nil), nil}, // OnChange is for options
		{"switch", box, change("value", true), true},
		{"text", line, change("value", "é"), "é"},
		{"Enter", line, custom("submit"), "submitted é"},
		{"page", tab, change("selected_index", 1), 1},
		{"button", button, custom("click"), "click"},
		{"unknown event", button, custom("hover"), nil},
		{"unknown method", button, map[string]any{"method": "dance"}, nil},
		{"no data", button, nil, nil},
	} {
		id := "m" + strconv.Itoa(i)
		k.tell(id, test.of.core().id, test.data)
		k.await("end of "+test.name, 0, isDone(id))
		select {
		case v := <-got:
			if v != test.want {
				t.Errorf("%s: callback with %v, want %v", test.name, v, test.want)
			}
		default:
			if test.want != nil {
				t.Errorf("%s: no callback", test.name)
			}
		}
		if test.name == "button" && <-got != "another" {
			t.Error("the second callback was not called")
		}
	}
	if float.Value() != 2 || whole.Value() != 3 || log.Value() != 0.01 || choice.Value() != "" || choice.Index() != -1 ||
		!box.Value() || line.Value() != "é" || tab.Selected() != 1 {
		t.Error("the values are not those of the user")
	}
	k.tell("unknown", "no-such-comm", change("value", 1))
	k.await("end of a message to an unknown comm", 0, isDone("unknown"))
}

// TestSetReachesFrontEnds sets from Go.
func TestSetReachesFrontEnds(t *testing.T) {
	ui, k := connect(t)
	choice := ui.Dropdown("", "a", "b")
	slider := ui.FloatSlider(Range{Max: 1})
	slider.OnChange(func(float64) { t.Error("Set calls a callback") })
	picture := ui.Image()
	box := ui.VBox()
	out := ui.Output()
	bar := ui.FloatProgress("", 0, 10)
	if err := ui.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	slider.Set(7)
	k.await("slider", 0, says(t, slider, "update", "value", 1.0))
	slider.Set(math.NaN())
	k.await("slider", 0, says(t, slider, "update", "value", 0.0))
	bar.Set(math.Inf(1))
	k.await("bar", 0, says(t, bar, "update", "value", 10.0))
	choice.Set("b")
	k.await("choice", 0, says(t, choice, "update", "index", 1.0))
	choice.Set("no such option")
	choice.SetOptions("b", "c")
	k.await("options", 0, says(t, choice, "update", "_options_labels", []any{"b", "c"}))
	if choice.Value() != "b" {
		t.Errorf("after SetOptions %q is chosen, want the same as before", choice.Value())
	}
	choice.SetOptions()
	if choice.Value() != "" || choice.Index() != -1 {
		t.Errorf("%q is chosen among no options", choice.Value())
	}
	box.SetChildren(slider)
	k.await("children", 0, says(t, box, "update", "children", []any{"IPY_MODEL_" + slider.m.id}))
	slider.SetLabel("rate")
	k.await("label", 0, says(t, slider, "update", "description", "rate"))
	layout := common{slider.m.state["layout"].(*model)}
	slider.SetLayout(Layout{Width: "50%"})
	k.await("layout", 0, says(t, layout, "update", "width", "50%"))

	if err := picture.SetImage(image.NewGray(image.Rect(0, 0, 0, 0))); err == nil {
		t.Error("an image without pixels is taken")
	}
	if err := picture.SetImage(image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	f, _ := k.await("picture", 0, func(f channel.Frame) bool { return f.Type == "comm_msg" && len(f.Buffers) == 1 })
	if c := read(t, f); c.Comm != picture.m.id || !reflect.DeepEqual(c.Data.Paths, [][]any{{"value"}}) ||
		!strings.HasPrefix(string(f.Buffers[0]), "\x89PNG") {
		t.Errorf("picture sent as %s", f.Content)
	}
	out.Write([]byte("one "))
	out.Write([]byte("two"))
	k.await("text", 0, says(t, out, "update", "outputs", []any{
		map[string]any{"output_type": "stream", "name": "stdout", "text": "one two"}}))
	if err := out.Show(map[string]any{"text/plain": math.NaN()}); err == nil {
		t.Error("what JSON cannot say is taken")
	}
	for range 2 * keptOutputs {
		if err := out.Show(map[string]any{"text/plain": "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(out.m.state["outputs"].(outputs)); n != keptOutputs {
		t.Errorf("%d outputs are kept, want %d", n, keptOutputs)
	}
}

// TestSlowCallbackGetsTheLatest moves a slider while its callback runs.
func TestSlowCallbackGetsTheLatest(t *testing.T) {
	ui, k := connect(t)
	s := ui.FloatSlider(Range{Max: 10})
	click := ui.Button("")
	entered, leave := make(chan bool), make(chan bool)
	var calls []any
	s.OnChange(func(v float64) {
		calls = append(calls, v)
		entered <- true
		<-leave
	})
	click.OnClick(func() { calls = append(calls, "click") })
	k.tell("m1", s.m.id, change("value", 1))
	<-entered
	for i, v := range []int{2, 3, 4} {
		k.tell("m"+strconv.Itoa(i+2), s.m.id, change("value", v))
	}
	k.tell("c1", click.m.id, custom("click"))
	k.tell("c2", click.m.id, custom("click"))
	k.await("end of the overtaken move", 0, isDone("m3")) // while the callback still runs
	k.await("echo of the last move", 0, says(t, s, "echo_update", "value", 4.0))
	leave <- true
	<-entered
	leave <- true
	k.await("end of the last click", 0, isDone("c2"))
	if want := []any{1.0, 4.0, "click", "click"}; !reflect.DeepEqual(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
	for _, id := range []string{"m1", "m2", "m3", "m4", "c1", "c2"} {
		n := 0
		for _, f := range k.said {
			if isDone(id)(f) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s was dealt with %d times", id, n)
		}
	}
}

// TestSetDuringADrag lets Go set what the user is moving.
func TestSetDuringADrag(t *testing.T) {
	ui, k := connect(t)
	s := ui.FloatSlider(Range{Max: 10})
	k.tell("m1", s.m.id, change("value", 1))
	_, after := k.await("echo", 0, says(t, s, "echo_update", "value", 1.0))
	started := time.Now()
	s.Set(0.5) // older news, say
	k.tell("m2", s.m.id, change("value", 2))
	k.await("echo", after, says(t, s, "echo_update", "value", 2.0))
	if s.Value() != 2 {
		t.Errorf("value %v, want the user's", s.Value())
	}
	s.Set(3)
	_, n := k.await("update", after, says(t, s, "update", "value", 3.0))
	if took := time.Since(started); took < dragPause {
		t.Errorf("the slider was torn away from the user after %s", took)
	}
	for _, f := range k.said[:n] {
		if says(t, s, "update", "value", 0.5)(f) {
			t.Error("the user's value was replaced by an older one")
		}
	}
}

// TestEcho checks the parents of what is sent: the front-end's message of an echo, the cell of everything else.
func TestEcho(t *testing.T) {
	ui, k := connect(t)
	s, l := ui.FloatSlider(Range{Max: 10}), ui.Label("")
	s.OnChange(func(float64) { l.Set("moved") })
	if err := ui.flush(t.Context()); err != nil { // else the label may be opened with its new text
		t.Fatal(err)
	}
	k.tell("m1", s.m.id, change("value", 1))
	echo, i := k.await("echo", 0, says(t, s, "echo_update", "value", 1.0))
	update, j := k.await("update", i, says(t, l, "update", "value", "moved"))
	k.await("end", j, isDone("m1")) // behind all that the callback has set
	if string(echo.Parent) != `{"msg_id":"m1"}` || string(update.Parent) != `{"msg_id":"cell"}` {
		t.Errorf("parents %s and %s", echo.Parent, update.Parent)
	}
}

func TestPanicIsTold(t *testing.T) {
	ui, k := connect(t)
	bad, good := ui.Button("bad"), ui.Button("good")
	bad.OnClick(func() { panic(errors.New("<broken>")) })
	good.OnClick(func() {})
	if err := ui.Display(ui.HBox(bad, good)); err != nil {
		t.Fatal(err)
	}
	k.tell("m1", bad.m.id, custom("click"))
	k.await("end", 0, isDone("m1"))
	if text := ui.trouble.Value(); !strings.Contains(text, "Button “bad”: panic: &lt;broken&gt; at widget_test.go:") {
		t.Errorf("told: %s", text)
	}
	hidden := func() any {
		ui.mu.Lock()
		defer ui.mu.Unlock()
		return ui.trouble.m.state["layout"].(*model).state["display"]
	}
	if hidden() != nil {
		t.Error("the trouble is hidden")
	}
	k.tell("m2", good.m.id, custom("click"))
	k.await("end", 0, isDone("m2"))
	if hidden() != "none" {
		t.Error("the trouble is not hidden after a callback that went well")
	}
	ui.Report(errors.New("no such run"))
	if text := ui.trouble.Value(); !strings.Contains(text, "no such run") || hidden() != nil {
		t.Errorf("reported: %s", text)
	}
}

func TestDisplay(t *testing.T) {
	ui, k := connect(t)
	w := ui.Button("go")
	if err := ui.DisplayWith(w, map[string]any{"image/png": []byte("picture")}); err != nil {
		t.Fatal(err)
	}
	type display struct {
		Data      map[string]any
		Transient map[string]string
	}
	decode := func(f channel.Frame) (d display) {
		if err := json.Unmarshal(f.Content, &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	ofType := func(kind channel.Kind, msgType string) func(channel.Frame) bool {
		return func(f channel.Frame) bool { return f.Kind == kind && f.Type == msgType }
	}
	f, _ := k.await("display", 0, ofType(channel.Publish, "display_data"))
	shown := decode(f)
	view, _ := shown.Data["application/vnd.jupyter.widget-view+json"].(map[string]any)
	frame := ui.find(view["model_id"].(string))
	if frame == nil || !slices.Contains(frame.state["children"].([]*model), w.m) || view["version_major"] != 2.0 {
		t.Errorf("view %v does not show the button", view)
	}
	if shown.Data["image/png"] != "cGljdHVyZQ==" || !strings.Contains(shown.Data["text/plain"].(string), "Button “go”") {
		t.Errorf("fallback %v", shown.Data)
	}
	will, _ := k.await("will", 0, ofType(channel.Will, "update_display_data"))
	if err := ui.Close(); err != nil {
		t.Fatal(err)
	}
	f, _ = k.await("farewell", 0, ofType(channel.Publish, "update_display_data"))
	rest := decode(f)
	if _, ok := rest.Data["application/vnd.jupyter.widget-view+json"]; ok || rest.Data["image/png"] != "cGljdHVyZQ==" ||
		!reflect.DeepEqual(rest.Transient, shown.Transient) || !reflect.DeepEqual(decode(will), rest) {
		t.Errorf("farewell %v, display %v, will %v", rest, shown, decode(will))
	}
	n := 0
	for range 8 { // button, trouble and frame with layouts, two styles
		_, n = k.await("comm_close", n, ofType(channel.Publish, "comm_close"))
	}
	k.await("will taken back", 0, ofType(channel.Will, ""))
	if err := ui.Wait(t.Context()); err != nil {
		t.Errorf("Wait after Close: %v", err)
	}
	if err := ui.Display(w); err == nil {
		t.Error("Display after Close succeeds")
	}
}

// TestKernelRestart replaces the kernel under a UI that goes on.
func TestKernelRestart(t *testing.T) {
	ui, k := connect(t)
	s := ui.FloatSlider(Range{Max: 10})
	moved := make(chan float64, 1)
	s.OnChange(func(v float64) { moved <- v })
	if err := ui.Display(s); err != nil {
		t.Fatal(err)
	}
	before := s.m.id
	frame := ui.models[slices.IndexFunc(ui.models, func(m *model) bool { return m.farewell != nil })].id
	k.stop()
	s.Set(5) // lost on the way, not for good
	next := newKernel(t, k.path, "second")
	own, _ := next.await("comms", 0, func(f channel.Frame) bool { return f.Kind == channel.Own })
	var owns channel.Greeting
	if err := json.Unmarshal(own.Content, &owns); err != nil {
		t.Fatal(err)
	}
	if owns.Comms[before] != "" || owns.Comms[frame] != "jupyter.widget" || len(owns.Comms) != len(ui.models) {
		t.Errorf("comms after the restart: %v; the slider was %s, the frame is %s", owns.Comms, before, frame)
	}
	next.mu.Lock()
	next.peer.Send(channel.Frame{Kind: channel.Ask, Message: channel.Message{ID: "q"}})
	next.mu.Unlock()
	f, _ := next.await("states", 0, func(f channel.Frame) bool { return f.Kind == channel.States && f.ID == "q" })
	var states struct {
		States map[string]struct{ State map[string]any }
	}
	if err := json.Unmarshal(f.Content, &states); err != nil {
		t.Fatal(err)
	}
	if now := states.States[s.m.id].State["value"]; now != 5.0 {
		t.Errorf("value %v, want what was set while the kernel was away", now)
	}
	children := states.States[frame].State["children"].([]any)
	if children[0] != "IPY_MODEL_"+s.m.id {
		t.Errorf("the frame holds %v, want the slider %s", children, s.m.id)
	}
	next.tell("m1", s.m.id, change("value", 7))
	select {
	case v := <-moved:
		if v != 7 {
			t.Errorf("moved to %v", v)
		}
	case <-time.After(patience):
		t.Fatal("no callback after the restart")
	}

	// a connection that broke under the same kernel: the front-ends still know all, but may have missed something
	n := next.heard()
	next.mu.Lock()
	next.peer.Close()
	next.mu.Unlock()
	id := s.m.id
	next.await("update", n, says(t, s, "update", "description", ""))
	if s.m.id != id {
		t.Error("the slider has another id though its kernel is the same")
	}

	// the kernel ends for good
	next.mu.Lock()
	next.peer.Send(channel.Frame{Kind: channel.End})
	next.mu.Unlock()
	if err := ui.Wait(t.Context()); !errors.Is(err, channel.ErrEnded) {
		t.Errorf("Wait: %v", err)
	}
}

// TestPicturesThatCannotBeSent sets a picture much faster than the kernel reads.
func TestPicturesThatCannotBeSent(t *testing.T) {
	ui, k := connect(t)
	picture := ui.Image()
	if err := ui.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	k.mu.Lock()
	k.hold = release
	k.mu.Unlock()
	const size, pictures = 1 << 20, 200
	started := time.Now()
	for i := range pictures {
		file := make([]byte, size)
		file[0] = byte(i)
		picture.SetPNG(file)
	}
	if took := time.Since(started) / pictures; took > 50*time.Millisecond {
		t.Errorf("SetPNG takes %s", took)
	}
	k.mu.Lock()
	k.hold = nil
	k.mu.Unlock()
	close(release)
	last := func(f channel.Frame) bool {
		return len(f.Buffers) == 1 && len(f.Buffers[0]) == size && f.Buffers[0][0] == byte(pictures-1)
	}
	_, n := k.await("last picture", 0, last)
	sent := 0
	for _, f := range k.said[:n] {
		if len(f.Buffers) == 1 && len(f.Buffers[0]) == size {
			sent++
		}
	}
	if sent > pictures/2 {
		t.Errorf("%d of %d pictures were sent, want those that nobody would have seen left out", sent, pictures)
	}
}

func TestConnectOutsideANotebook(t *testing.T) {
	t.Setenv(channel.Env, "")
	_, err := Connect(context.Background(), "", nil)
	if err == nil || !strings.Contains(err.Error(), "notebook cell") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line that says what to do", err)
	}
	if err := Host("x", nil); err == nil || !strings.Contains(err.Error(), "notebook cell") {
		t.Errorf("error %v, want one line that says what to do", err)
	}
}
