package lab_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/net"
	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/lab"
)

// pictured is an experiment of small pictures in three classes, with a penalty.
func pictured() gan.Experiment {
	const images, side, classes = 60, 4, 3
	pixels, labels := make([]byte, images*side*side), make([]int32, images)
	for i := range pixels {
		pixels[i] = byte(i * 37)
	}
	for i := range labels {
		labels[i] = int32(i % classes)
	}
	return gan.Experiment{
		Name: "pictured", Latent: 20, BatchSize: 8, Penalties: []loss.Penalty{loss.R1(1)},
		Data: data.Of("stripes", &sample.Images{Pixels: pixels, Labels: labels, N: images, Height: side, Width: side, Channels: 1}),
		View: gan.View{
			ClassGenerator: func(scope *model.Scope, z, labels *Node) *Node {
				told := Concatenate([]*Node{z, OneHot(labels, classes, z.DType())}, -1)
				return Reshape(Tanh(net.Dense(scope, told, side*side)), -1, side, side, 1)
			},
			ClassCritic: func(scope *model.Scope, x, labels *Node) *Node {
				return net.Dense(scope, Concatenate([]*Node{net.Flatten(x), OneHot(labels, classes, x.DType())}, -1), 1)
			},
		},
	}
}

// front is a front-end of a notebook: it knows the widgets as the messages of their kernel made them.
type front struct {
	*kernel
	t testing.TB
}

// notebook starts a kernel whose cells the calls that follow are, until another is.
func notebook(t *testing.T, name string) front {
	t.Helper()
	folder, err := os.MkdirTemp("", "k") // short: a socket lies in it
	if err != nil {
		t.Fatal(err)
	}
	f := front{startKernel(t, filepath.Join(folder, "a", "kernel"), name), t}
	t.Cleanup(func() {
		f.stop()
		os.RemoveAll(folder)
	})
	f.here(t)
	return f
}

// here makes the cells that follow those of this notebook.
func (f front) here(t *testing.T) { t.Setenv(channel.Env, f.listener.Addr().String()) }

// component is a widget as the front-end knows it.
type component map[string]any

// widgets are those that are open, by their ids.
func (f front) widgets() map[string]component {
	f.t.Helper()
	all := map[string]component{}
	for _, m := range f.published() {
		var c struct {
			ID   string `json:"comm_id"`
			Data struct {
				State component `json:"state"`
				Paths [][]any   `json:"buffer_paths"`
			} `json:"data"`
		}
		if !strings.HasPrefix(m.Type, "comm_") {
			continue
		}
		if err := json.Unmarshal(m.Content, &c); err != nil {
			f.t.Fatal(err)
		}
		switch m.Type {
		case "comm_open":
			all[c.ID] = component{}
		case "comm_close":
			delete(all, c.ID)
			continue
		}
		w := all[c.ID]
		if w == nil {
			f.t.Fatalf("a message for the comm %s, which is not open", c.ID)
		}
		maps.Copy(w, c.Data.State)
		for i, path := range c.Data.Paths {
			w[path[0].(string)] = m.Buffers[i]
		}
	}
	return all
}

// find returns the id and state of the one widget of a kind with a label.
func (f front) find(kind, label string) (id string, w component) {
	f.t.Helper()
	for each, c := range f.widgets() {
		if c["_model_name"] != kind+"Model" || label != "" && c["description"] != label {
			continue
		}
		if id != "" {
			f.t.Fatalf("there are two of %s %q", kind, label)
		}
		id, w = each, c
	}
	if id == "" {
		f.t.Fatalf("there is no %s %q", kind, label)
	}
	return id, w
}

// html is the text of all HTML widgets, in no order.
func (f front) html() string {
	var texts []string
	for _, c := range f.widgets() {
		if c["_model_name"] == "HTMLModel" {
			texts = append(texts, c["value"].(string))
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n")
}

// pictures are the pictures, the largest first.
func (f front) pictures() [][]byte {
	var all [][]byte
	for _, c := range f.widgets() {
		if picture, ok := c["value"].([]byte); ok && len(picture) > 0 {
			all = append(all, picture)
		}
	}
	area := func(picture []byte) int {
		c, err := png.DecodeConfig(bytes.NewReader(picture))
		if err != nil {
			f.t.Fatal(err)
		}
		return c.Width * c.Height
	}
	slices.SortFunc(all, func(a, b []byte) int { return area(b) - area(a) })
	return all
}

// say sends what a front-end says on a comm.
func (f front) say(id string, data map[string]any) {
	content, err := json.Marshal(map[string]any{"comm_id": id, "data": data})
	if err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	said := channel.Message{ID: fmt.Sprint(time.Now().UnixNano()), Type: "comm_msg", Parent: json.RawMessage(cellHeader), Content: content}
	for _, peer := range f.peers {
		peer.Send(channel.Frame{Kind: channel.Comm, Message: said})
	}
}

func (f front) press(label string) {
	f.t.Helper()
	id, _ := f.find("Button", label)
	f.say(id, map[string]any{"method": "custom", "content": map[string]any{"event": "click"}})
}

// move changes a slider's or dropdown's field.
func (f front) move(kind, label, field string, value any) {
	f.t.Helper()
	id, _ := f.find(kind, label)
	f.say(id, map[string]any{"method": "update", "state": map[string]any{field: value}, "buffer_paths": []any{}})
}

// choose chooses an option of a dropdown.
func (f front) choose(label, option string) {
	f.t.Helper()
	_, w := f.find("Dropdown", label)
	index := slices.Index(w["_options_labels"].([]any), any(option))
	if index < 0 {
		f.t.Fatalf("%s has no %q: %v", label, option, w["_options_labels"])
	}
	f.move("Dropdown", label, "index", index)
}

// within waits for the effect of what was just done, and logs how long it took.
func within(t *testing.T, what string, cond func() bool) {
	t.Helper()
	begin := time.Now()
	eventually(t, what, cond)
	t.Logf("%4d ms: %s", time.Since(begin).Milliseconds(), what)
}

// TestPanel presses every button of a panel that lives in the run's process, while its twin in another notebook looks on.
func TestPanel(t *testing.T) {
	runs(t)
	r := plan{Name: "steered", Backend: "go", Pictures: true}.open(t)
	if err := r.Train(3); err != nil {
		t.Fatal(err)
	}
	twin := notebook(t, "twin")
	if err := lab.Panel(r); err != nil {
		t.Fatal(err)
	}
	n := notebook(t, "notebook")
	if err := lab.Panel(r); err != nil {
		t.Fatal(err)
	}
	shows := func(f front, words ...string) func() bool {
		return func() bool {
			text := f.html()
			return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
		}
	}
	within(t, "the panel shows the step and two pictures", func() bool {
		return shows(n, "steered", "paused", "step 3", " MB", "collapse is looked for")() && len(n.pictures()) == 2
	})
	disabled := func(label string) bool {
		_, w := n.find("Button", label)
		return w["disabled"].(bool)
	}
	if !disabled("pause") || disabled("train") || disabled("critic step") {
		t.Error("of a paused run, pause is not the only button that is off")
	}

	// Each step changes the samples or the curves, and both panels say so.
	for _, c := range []struct {
		label       string
		step, calls int
	}{{"one step", 4, 4}, {"critic step", 4, 5}, {"generator step", 4, 6}, {"one step", 5, 7}} {
		before := n.pictures()
		n.press(c.label)
		within(t, c.label, func() bool { s := status(t, r); return s.Step == c.step && s.Calls == c.calls && s.State == lab.Paused })
		if c.label != "critic step" { // after which the generator draws what it drew
			within(t, "… is seen", func() bool { return !bytes.Equal(slices.Concat(n.pictures()...), slices.Concat(before...)) })
		}
		within(t, "… in both panels", func() bool {
			words := fmt.Sprintf("step %d ", c.step)
			return shows(n, words)() && shows(twin, words)()
		})
	}
	for range 5 { // quickly: each counts
		n.press("generator step")
	}
	within(t, "5 steps of the generator", func() bool { return status(t, r).Calls == 12 })

	// Training, and what cannot be done meanwhile.
	n.choose("for", "100 000 steps")
	n.press("train")
	within(t, "the run trains", func() bool { return status(t, r).State == lab.Training })
	within(t, "both panels say so", func() bool { return shows(n, "training")() && shows(twin, "training", "of 100005")() })
	if target := status(t, r).Target; target != 100_005 {
		t.Errorf("it trains to step %d, want 100005", target)
	}
	within(t, "train is off and pause on", func() bool { return disabled("train") && !disabled("pause") })
	drawn := n.pictures()
	within(t, "the pictures change", func() bool { return !bytes.Equal(slices.Concat(n.pictures()...), slices.Concat(drawn...)) })
	n.press("critic step") // as a front-end could that has not heard yet
	within(t, "a failing action says why", shows(n, "run steered is training: pause it first"))
	if strings.Contains(twin.html(), "pause it first") {
		t.Error("the other panel shows the failure, too")
	}

	// Settings, seen in the twin; and set elsewhere, seen in both.
	n.move("FloatLogSlider", "critic.rate", "value", 3e-4)
	within(t, "the critic's rate is set", func() bool { return status(t, r).Settings["critic.rate"] == 3e-4 })
	near := func(f front, kind, label string, want float64) func() bool {
		return func() bool { _, w := f.find(kind, label); return math.Abs(w["value"].(float64)-want) < 1e-9 }
	}
	within(t, "the twin's slider follows", near(twin, "FloatLogSlider", "critic.rate", 3e-4))
	within(t, "the failure is forgotten", func() bool { return !strings.Contains(n.html(), "pause it first") })
	n.move("FloatSlider", "penalty.r1", "value", 4.0)
	within(t, "the penalty's weight is set", func() bool { return status(t, r).Settings["penalty.r1"] == 4 })
	if err := r.Set("generator.rate", 2e-4); err != nil {
		t.Fatal(err)
	}
	within(t, "a rate set in a cell is seen in the panels", func() bool {
		return near(n, "FloatLogSlider", "generator.rate", 2e-4)() && near(twin, "FloatLogSlider", "generator.rate", 2e-4)()
	})

	n.press("pause")
	within(t, "the run is paused", func() bool { return status(t, r).State == lab.Paused })
	within(t, "both panels say so", func() bool { return shows(n, "paused")() && shows(twin, "paused")() })
	twin.choose("loss", "hinge")
	within(t, "the loss is set", func() bool { return status(t, r).Loss == "hinge" })
	within(t, "the first panel shows it", func() bool {
		_, w := n.find("Dropdown", "loss")
		return w["_options_labels"].([]any)[int(w["index"].(float64))] == "hinge"
	})
	at := status(t, r).Step
	twin.press("train") // goes on to where it was to go
	within(t, "it goes on", func() bool { s := status(t, r); return s.Step > at && s.Target == 100_005 })
	twin.press("pause")
	within(t, "it is paused again", func() bool { return status(t, r).State == lab.Paused })
	if _, err := r.Rewind(4); err != nil {
		t.Fatal(err)
	}
	within(t, "the panels go back with the run", func() bool { return shows(n, "step 4 ")() && shows(twin, "step 4 ")() })

	// A new panel takes the place of the notebook's first one; the twin stays. All end with the run.
	count := len(n.widgets())
	n.here(t)
	if err := lab.Panel(r); err != nil {
		t.Fatal(err)
	}
	within(t, "there is one panel", func() bool { return len(n.widgets()) == count && shows(n, "step 4 ")() && len(n.pictures()) == 2 })
	n.press("one step")
	within(t, "it works", func() bool { return status(t, r).Step == 5 })
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	within(t, "no widget is left", func() bool { return len(n.widgets()) == 0 && len(twin.widgets()) == 0 })
	left(t, n, 1, "steered at step 5; run this cell again")
}

// left wants so many displays to have ended as pictures with the text.
func left(t *testing.T, n front, count int, text string) {
	t.Helper()
	within(t, "pictures are left", func() bool {
		ended := 0
		for _, m := range n.published() {
			var d display
			if m.Type != "update_display_data" {
				continue
			}
			if err := json.Unmarshal(m.Content, &d); err != nil {
				t.Fatal(err)
			}
			if _, err := png.Decode(bytes.NewReader(d.Data.PNG)); err == nil && d.Data.View == nil && strings.Contains(d.Data.Text, text) {
				ended++
			}
		}
		return ended == count
	})
}

// TestPanelWithoutNotebook wants one clear line, and nothing left of what could not be shown.
func TestPanelWithoutNotebook(t *testing.T) {
	runs(t)
	r := plan{Name: "alone", Backend: "go"}.open(t)
	t.Setenv(channel.Env, "")
	if err := lab.Panel(r); err == nil || !strings.Contains(err.Error(), "the panel of run alone") || strings.Contains(err.Error(), "\n") {
		t.Errorf("without a notebook: %v", err)
	}
	t.Setenv(channel.Env, filepath.Join(t.TempDir(), "gone"))
	if err := lab.Explore(r); err == nil || !strings.Contains(err.Error(), "the explorer of run alone") {
		t.Errorf("in a notebook that has gone: %v", err)
	}
}
