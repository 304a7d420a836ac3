package kernel

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/comms"
	"gantry.local/kernel-ext/internal/hostile"
	"gantry.local/kernel-ext/jupyter"
)

// panelCell shows a slider whose square appears in a label, a button that counts, a picture, and a button that panics.
const panelCell = `import (
	"context"
	"fmt"
	"image"
	"os"
	"time"

	"gantry.local/kernel-ext/widget"
)

func panel(ui *widget.UI) error {
	x := ui.FloatSlider(widget.Range{Label: "x", Max: 10, Value: 3})
	square, counted := ui.Label("9"), ui.Label("0")
	x.OnChange(func(v float64) { square.Set(fmt.Sprint(v * v)) })
	n := 0
	count := ui.Button("count")
	count.OnClick(func() { n++; counted.Set(fmt.Sprint(n)) })
	slow := ui.Button("slow")
	slow.OnClick(func() { time.Sleep(time.Hour) })
	wrong := ui.Button("wrong")
	wrong.OnClick(func() { var m map[string]int; m["a"] = n })
	picture := ui.Image()
	if err := picture.SetImage(image.NewGray(image.Rect(0, 0, 3, 2))); err != nil { return err }
	return ui.Display(ui.VBox(x, square, ui.HBox(count, counted, wrong, slow), picture))
}
`

// page is what a front-end knows of the widgets.
type page struct {
	*client
	states map[string]map[string]any
}

// widgets reads iopub up to the idle state of the request with this id and notes what it says about widgets.
func (p *page) widgets(id string) {
	p.t.Helper()
	p.until("idle state", func(r received) bool {
		return answers(id, "status")(r) && r.content["execution_state"] == "idle"
	})
}

// until reads iopub up to a message that done accepts.
func (p *page) until(what string, done func(r received) bool) received {
	p.t.Helper()
	return p.next(p.iopub, cellPatience, what, func(r received) bool {
		p.note(r)
		return done(r)
	})
}

// display reads iopub up to the display of a cell, which must not end before.
func (p *page) display(cell string) received {
	p.t.Helper()
	r := p.until("display", func(r received) bool {
		return r.header.MsgType == "display_data" || answers(cell, "error")(r)
	})
	if r.header.MsgType == "error" {
		p.t.Fatalf("the cell failed: %v", r.content)
	}
	return r
}

func (p *page) note(r received) {
	id, _ := r.content["comm_id"].(string)
	data, _ := r.content["data"].(map[string]any)
	switch r.header.MsgType {
	case "comm_open":
		p.states[id] = map[string]any{}
	case "comm_close":
		delete(p.states, id)
		return
	case "comm_msg":
		if data["method"] == "update_states" {
			for id, model := range data["states"].(map[string]any) {
				p.states[id] = model.(map[string]any)["state"].(map[string]any)
			}
			for i, path := range data["buffer_paths"].([]any) {
				steps := path.([]any) // id, "state", field
				p.states[steps[0].(string)][steps[2].(string)] = r.Buffers[i]
			}
			return
		}
	default:
		return
	}
	state, known := p.states[id]
	if !known {
		return
	}
	news, _ := data["state"].(map[string]any)
	maps.Copy(state, news)
	paths, _ := data["buffer_paths"].([]any)
	for i, path := range paths {
		state[path.([]any)[0].(string)] = r.Buffers[i]
	}
}

// find returns the id of the only widget of a kind with a field of this value.
func (p *page) find(model, field string, value any) string {
	p.t.Helper()
	var found []string
	for id, state := range p.states {
		if state["_model_name"] == model && (field == "" || state[field] == value) {
			found = append(found, id)
		}
	}
	if len(found) != 1 {
		p.t.Fatalf("%d widgets %s with %s %v, want 1; known: %v", len(found), model, field, value, p.states)
	}
	return found[0]
}

func (p *page) move(id string, value any) string {
	return p.send(p.shell, "comm_msg", map[string]any{"comm_id": id, "data": map[string]any{
		"method": "update", "state": map[string]any{"value": value}, "buffer_paths": []any{}}})
}

func (p *page) click(id string) string {
	return p.send(p.shell, "comm_msg", map[string]any{"comm_id": id, "data": map[string]any{
		"method": "custom", "content": map[string]any{"event": "click"}}})
}

// load does what JupyterLab does when a page is loaded or its kernel is back.
func (p *page) load() {
	p.t.Helper()
	control := jupyter.NewID()
	p.send(p.shell, "comm_open", map[string]any{
		"comm_id": control, "target_name": "jupyter.widget.control", "data": map[string]any{}})
	id := p.send(p.shell, "comm_msg", map[string]any{
		"comm_id": control, "data": map[string]any{"method": "request_states"}})
	answered := false
	p.until("states", func(r received) bool {
		answered = answered || answers(id, "comm_msg")(r) && r.content["comm_id"] == control
		return answers(id, "status")(r) && r.content["execution_state"] == "idle"
	})
	if !answered {
		p.t.Fatal("request_states was not answered before the idle state")
	}
	p.send(p.shell, "comm_close", map[string]any{"comm_id": control, "data": map[string]any{}})
}

// displayed returns the model of the widget view that a cell displayed.
func displayed(t *testing.T, r received) string {
	t.Helper()
	view, ok := r.content["data"].(map[string]any)["application/vnd.jupyter.widget-view+json"].(map[string]any)
	if !ok {
		t.Fatalf("no widget view in %v", r.content)
	}
	return view["model_id"].(string)
}

// reaches tells whether a widget is shown inside another.
func (p *page) reaches(from, to string) bool {
	children, _ := p.states[from]["children"].([]any)
	return from == to || slices.ContainsFunc(children, func(child any) bool {
		return p.reaches(strings.TrimPrefix(child.(string), "IPY_MODEL_"), to)
	})
}

// works checks that the panel's slider, buttons and picture do what they should.
func (p *page) works(frame string, x float64, count int) {
	p.t.Helper()
	slider := p.find("FloatSliderModel", "", nil)
	button := p.find("ButtonModel", "description", "count")
	if !p.reaches(frame, slider) || !p.reaches(frame, button) {
		p.t.Errorf("the frame %s does not show the slider and the button: %v", frame, p.states)
	}
	started := time.Now()
	id := p.move(slider, x)
	echoed := false
	square := fmt.Sprint(x * x)
	p.until("idle after the move", func(r received) bool {
		data, _ := r.content["data"].(map[string]any)
		echoed = echoed || answers(id, "comm_msg")(r) && data["method"] == "echo_update" && r.content["comm_id"] == slider
		return answers(id, "status")(r) && r.content["execution_state"] == "idle"
	})
	p.find("LabelModel", "value", square) // known by then: the update comes before the idle state
	if took := time.Since(started); took > second/2 {
		p.t.Errorf("a move of the slider took %s to its effect", took)
	}
	if !echoed {
		p.t.Error("no echo of the move before its idle state")
	}
	p.widgets(p.click(button))
	p.find("LabelModel", "value", strconv.Itoa(count))
	picture, _ := p.states[p.find("ImageModel", "", nil)]["value"].([]byte)
	if !strings.HasPrefix(string(picture), "\x89PNG") {
		p.t.Errorf("the picture is %q", picture)
	}
}

// TestWidgetsOfACell lets a cell that waits serve its widgets while a front-end uses them.
func TestWidgetsOfACell(t *testing.T) {
	p := &page{startKernel(t), map[string]map[string]any{}}
	cell := p.execute(panelCell + `
func main() {
	ui, err := widget.Connect(context.Background(), "", nil)
	if err != nil { panic(err) }
	if err := panel(ui); err != nil { panic(err) }
	fmt.Println("shown", os.Getenv("GANTRY_CHANNEL"))
	ui.Wait(context.Background())
}`)
	shown := p.display(cell)
	if shown.parent.MsgID != cell {
		t.Errorf("the display has the parent %+v, want the cell", shown.parent)
	}
	frame := displayed(t, shown)
	text := p.until("output", answers(cell, "stream")).content["text"].(string)
	socket := strings.Fields(text)[1]
	for path, mode := range map[string]os.FileMode{socket: 0o600, filepath.Dir(socket): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v, want mode %o", path, info, err, mode)
		}
	}
	p.works(frame, 4, 1)

	// a page that is loaded anew learns all from request_states
	again := &page{p.client, map[string]map[string]any{}}
	again.load()
	again.find("LabelModel", "value", "16")
	again.works(frame, 1.5, 2)

	// a callback's panic is told in the widgets, and the process lives
	again.widgets(again.click(again.find("ButtonModel", "description", "wrong")))
	trouble := again.states[again.find("HTMLModel", "", nil)]["value"].(string)
	if !strings.Contains(trouble, "Button “wrong”") || !strings.Contains(trouble, "assignment to entry in nil map") {
		t.Errorf("told of the panic: %q", trouble)
	}
	again.works(frame, 2, 3)

	// comms are listed, by target
	for target, want := range map[string]int{"jupyter.widget": len(again.states), "gonb_comm": 0, "": len(again.states)} {
		ask := map[string]any{}
		if target != "" {
			ask["target_name"] = target
		}
		id := p.send(p.shell, "comm_info_request", ask)
		r := p.next(p.shell, 5*second, "comm_info_reply", answers(id, "comm_info_reply"))
		if comms := r.content["comms"].(map[string]any); r.content["status"] != "ok" || len(comms) != want {
			t.Errorf("comms with target %q: %v, want %d", target, comms, want)
		}
	}

	// a comm nobody knows is closed
	id := p.send(p.shell, "comm_msg", map[string]any{"comm_id": "stale", "data": map[string]any{}})
	if r := again.until("comm_close", answers(id, "comm_close")); r.content["comm_id"] != "stale" {
		t.Errorf("comm_close %v", r.content)
	}

	// a callback that does not return keeps no front-end waiting
	started := time.Now()
	again.widgets(again.click(again.find("ButtonModel", "description", "slow")))
	if took := time.Since(started); took < comms.OwnerPatience/2 || took > comms.OwnerPatience+2*second {
		t.Errorf("idle %s after a click on a button whose callback hangs", took)
	}

	// the cell is interrupted: its widgets go, and a line takes their place
	p.send(p.control, "interrupt_request", map[string]any{})
	farewell := again.until("farewell", ofType("update_display_data"))
	if text := fmt.Sprint(farewell.content["data"]); !strings.Contains(text, "widget.Host") {
		t.Errorf("farewell %s", text)
	}
	again.until("all comms closed", func(received) bool { return len(again.states) == 0 })
	p.send(p.control, "shutdown_request", map[string]any{"restart": false})
	p.expectGone(t)
}

// again starts the kernel anew, as Jupyter does, with the same connection file.
func (c *client) again() {
	c.t.Helper()
	select {
	case <-c.exited:
	case <-time.After(5 * second):
		c.t.Fatal("the kernel is still there")
	}
	for _, l := range []*readAhead{c.shell, c.control, c.stdin, c.iopub} {
		l.Close()
	}
	command := exec.Command(c.process.Path)
	command.Env, command.SysProcAttr, c.log = c.process.Env, c.process.SysProcAttr, &bytes.Buffer{}
	command.Stdout, command.Stderr = c.log, c.log
	c.process, c.exited, c.started = command, make(chan struct{}), time.Now()
	if err := command.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func(exited chan struct{}) {
		command.Wait()
		close(exited)
	}(c.exited)
	c.connect()
}

// hosts lists the processes that host widgets of this client's kernel.
func (c *client) hosts(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(usersOf(t, c.temp), func(process string) bool {
		environment, err := os.ReadFile(filepath.Join(process, "environ"))
		return err != nil || !bytes.Contains(environment, []byte("GANTRY_WIDGET_HOST="))
	})
}

const hostCell = panelCell + `
func main() {
	if err := widget.Host("panel", panel); err != nil { panic(err) }
	fmt.Println("hosted", os.Args[0] != "", time.Now().IsZero(), context.Background() != nil)
}`

// TestHostedWidgets lets widgets live on when their cell has ended and their kernel was restarted.
func TestHostedWidgets(t *testing.T) {
	p := &page{startKernel(t, "GANTRY_WIDGET_PATIENCE=30s"), map[string]map[string]any{}} // gone soon if this fails
	cell := p.execute(hostCell)
	shown := p.display(cell)
	if shown.parent.MsgID != cell {
		t.Errorf("the display has the parent %+v, want the cell", shown.parent)
	}
	frame := displayed(t, shown)
	if r := p.finish(cell); r.status != "ok" || !strings.Contains(r.stdout, "hosted") {
		t.Fatalf("%+v", r)
	}
	p.works(frame, 4, 1)
	slider := p.find("FloatSliderModel", "", nil)

	// while another cell runs
	busy := p.execute("import (\"fmt\"; \"time\")\nfunc main() { fmt.Println(\"running\"); time.Sleep(time.Hour) }")
	p.until("output", answers(busy, "stream"))
	p.works(frame, 5, 2)

	for _, end := range []struct {
		name string
		do   func()
	}{
		{"restart", func() { p.send(p.control, "shutdown_request", map[string]any{"restart": true}) }},
		{"kill", func() { p.process.Process.Kill() }},
	} {
		end.do()
		p.again()
		// JupyterLab keeps its models but has lost their comms: the frame must come with others inside.
		known := p.states
		p.states = map[string]map[string]any{}
		p.load()
		for id := range p.states {
			if p.states[id]["_model_name"] != "LayoutModel" && id != frame && known[id] != nil {
				t.Errorf("%s: %v has its old id", end.name, p.states[id])
			}
		}
		if p.states[frame] == nil {
			t.Fatalf("%s: the frame %s is not among the states", end.name, frame)
		}
		if now := p.find("FloatSliderModel", "", nil); now == slider {
			t.Errorf("%s: the slider kept its id", end.name)
		}
		p.works(frame, 6, map[string]int{"restart": 3, "kill": 4}[end.name])
	}

	// the cell once more: the new host takes the old one's place
	before := p.hosts(t)
	cell = p.execute(hostCell)
	again := p.display(cell)
	if r := p.finish(cell); r.status != "ok" {
		t.Fatalf("%+v", r)
	}
	after := p.hosts(t)
	if len(before) != 1 || len(after) != 1 || before[0] == after[0] {
		t.Errorf("hosts before %v and after %v, want one each and not the same", before, after)
	}
	p.works(displayed(t, again), 7, 1)

	// a host that is killed takes its widgets with it
	pid, err := strconv.Atoi(filepath.Base(after[0]))
	if err != nil {
		t.Fatal(err)
	}
	// one that is stopped keeps no page waiting: JupyterLab gives up after 4 s
	if err := hostile.Freeze(t.Context(), pid); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	(&page{p.client, map[string]map[string]any{}}).load()
	if took := time.Since(started); took > 3*second {
		t.Errorf("request_states was answered after %s", took)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	farewell := p.until("farewell", ofType("update_display_data"))
	if text := fmt.Sprint(farewell.content["data"]); !strings.Contains(text, "Run the cell again") {
		t.Errorf("farewell %s", text)
	}
	p.until("all comms closed", func(received) bool { return len(p.states) == 0 })

	// what goes wrong in building is an error of the cell
	for name, test := range map[string]struct{ build, want string }{
		"error": {`return fmt.Errorf("no such run")`, "no such run"},
		"panic": {`var m map[string]int; m["a"] = 1; return nil`, "assignment to entry in nil map"},
		"exit":  {`fmt.Println("leaving"); os.Exit(3); return nil`, "leaving"},
	} {
		r := p.run("import (\"fmt\"; \"os\"; \"gantry.local/kernel-ext/widget\")\nfunc main() {\n" +
			"\tfmt.Println(widget.Host(\"bad\", func(ui *widget.UI) error { " + test.build + " }), os.Args[0] != \"\")\n}")
		if r.status != "ok" || !strings.Contains(r.stdout, test.want) {
			t.Errorf("%s: %+v, want %q", name, r, test.want)
		}
	}
	p.mustRun(hostCell, "hosted")
	p.send(p.control, "shutdown_request", map[string]any{"restart": false})
	p.expectGone(t)
}

// TestHostWithoutAKernel kills the kernel of a host that waits for another one only so long.
func TestHostWithoutAKernel(t *testing.T) {
	c := startKernel(t, "GANTRY_WIDGET_PATIENCE=500ms")
	c.mustRun(hostCell, "hosted")
	if hosts := c.hosts(t); len(hosts) != 1 {
		t.Fatalf("hosts: %v, want one", hosts)
	}
	c.process.Process.Kill()
	left := func() []string {
		folders, err := filepath.Glob(filepath.Join(c.temp, "gantry-*")) // the kernel's, cleared by its guard, and the host's
		if err != nil {
			t.Fatal(err)
		}
		return append(folders, c.hosts(t)...)
	}
	for deadline := time.Now().Add(20 * second); len(left()) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %v", left())
		}
	}
}

// descriptors counts the open files of the kernel process.
func (c *client) descriptors() int {
	c.t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.process.Process.Pid))
	if err != nil {
		c.t.Fatal(err)
	}
	return len(open)
}

func TestConnectionsThatComeAndGoLeaveNothing(t *testing.T) {
	c := startKernel(t)
	cycles := func(n int) string {
		return fmt.Sprintf(`import (
	"context"
	"fmt"
	"os"

	"gantry.local/kernel-ext/widget"
)
func open() int {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil { panic(err) }
	return len(files)
}
func main() {
	before := 0
	for i := range %d {
		ui, err := widget.Connect(context.Background(), "", nil)
		if err != nil { panic(err) }
		if err := ui.Display(ui.Button("b")); err != nil { panic(err) }
		if err := ui.Close(); err != nil { panic(err) }
		if i == 0 { before = open() }
	}
	fmt.Println("more descriptors:", open()-before)
}`, n)
	}
	c.mustRun(cycles(1), "more descriptors: 0")
	before := c.descriptors()
	c.mustRun(cycles(40), "more descriptors: 0")
	for deadline := time.Now().Add(5 * second); c.descriptors() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors, %d before", c.descriptors(), before)
		}
	}
	id := c.send(c.shell, "comm_info_request", map[string]any{})
	r := c.next(c.shell, 5*second, "comm_info_reply", answers(id, "comm_info_reply"))
	if comms := r.content["comms"].(map[string]any); len(comms) != 0 {
		t.Errorf("comms left: %v", comms)
	}
}
