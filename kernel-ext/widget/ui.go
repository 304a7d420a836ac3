// Package widget makes Jupyter widgets from Go: sliders, buttons, pictures that the stock front-ends of JupyterLab and VS
// Code show, and whose events reach Go functions.
//
//	ui, err := widget.Connect(ctx, "", nil)
//	play := ui.Button("Play")
//	play.OnClick(func() { … })
//	rate := ui.FloatSlider(widget.Range{Label: "rate", Max: 1, Step: 0.01, Value: 0.3})
//	rate.OnChange(func(v float64) { … })
//	err = ui.Display(ui.VBox(play, rate))
//	err = ui.Wait(ctx)
//
// Callbacks of a UI run one at a time, in order, and only while its process lives: Wait keeps a cell running, Host keeps
// the callbacks alive after the cell. A callback that takes longer than its slider moves gets the latest value only. One
// that panics is named below the widgets, and the process goes on. Methods of widgets may be called from any goroutine.
//
// When the page is loaded anew or the kernel restarts, the widgets come back by themselves.
//
// Reading order: ui.go (a set of widgets and its callbacks), model.go (one widget and its state), display.go (showing
// them), host.go (keeping them alive), then one file for each family of widgets.
package widget

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"gantry.local/kernel-ext/channel"
)

// UI is a set of widgets that one process serves.
type UI struct {
	conn   *channel.Conn
	parent json.RawMessage
	over   chan struct{}
	once   sync.Once

	mu      sync.Mutex
	models  []*model // that are open, in the order of their making
	jobs    []job    // what is to be sent, in order
	lost    []job    // what opens or displays and could not be sent because the kernel was away
	events  []*event // what is to be called, in order
	trouble *HTML    // below all that is displayed; nil before the first display
	told    string   // what the trouble is
	blamed  *model   // the widget that it is about
	closed  bool
	wake    *sync.Cond // broadcast when jobs or events were added, when the jobs are all done, or at the end
	sending bool
}

// job makes a message when its turn comes, so that what has changed since goes with it; false: there is nothing to send.
type job func() (channel.Message, bool)

// event is a call of a widget's callbacks that is due.
type event struct {
	of   *model
	call func()
	ids  []string // of the front-end's messages that it answers
}

// Connect connects to the kernel whose socket is at path, "" for that of the environment (channel.Env). What the widgets
// display appears below the cell with the header parent, nil for the cell that is running. ctx bounds the connecting
// alone.
func Connect(ctx context.Context, path string, parent json.RawMessage) (*UI, error) {
	conn, err := channel.Dial(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("widget: %w", err)
	}
	if parent == nil {
		parent = conn.Parent()
	}
	ui := &UI{conn: conn, parent: parent, over: make(chan struct{})}
	ui.wake = sync.NewCond(&ui.mu)
	go ui.send()
	go ui.receive()
	go ui.call()
	return ui, nil
}

// Wait blocks until ctx ends, which is no error, or Close is called, which is none either, or the kernel has ended.
func (ui *UI) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-ui.over:
		if err := ui.conn.Err(); err != nil && !errors.Is(err, channel.ErrClosed) {
			return fmt.Errorf("widget: %w", err)
		}
	}
	return nil
}

// Away returns for how long the kernel has been away, 0 while it is there. Nobody sees what is set meanwhile; when the
// kernel is back it gets what is set then.
func (ui *UI) Away() time.Duration { return ui.conn.Away() }

// Close closes all widgets; what was displayed becomes its fallback (see DisplayWith). The callback that is running, if
// any, is the last.
func (ui *UI) Close() error {
	ui.mu.Lock()
	if ui.closed {
		ui.mu.Unlock()
		return nil
	}
	all := slices.Clone(ui.models)
	for _, m := range slices.Backward(all) {
		ui.closeModel(m)
	}
	ui.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), flushPatience)
	defer cancel()
	err := ui.flush(ctx)
	for _, m := range all {
		if m.farewell != nil {
			ui.conn.Will(m.farewell.ID, channel.Message{}) // it is done already
		}
	}
	ui.end()
	if errors.Is(err, channel.ErrAway) || errors.Is(err, channel.ErrEnded) {
		return nil // nobody is left who could be told
	}
	return err
}

const flushPatience = 5 * time.Second

// end stops the goroutines.
func (ui *UI) end() {
	ui.once.Do(func() {
		ui.mu.Lock()
		ui.closed = true
		ui.wake.Broadcast()
		ui.mu.Unlock()
		ui.conn.Close()
		close(ui.over)
	})
}

// flush waits until all that was to be sent has been published.
func (ui *UI) flush(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		ui.mu.Lock()
		ui.wake.Broadcast()
		ui.mu.Unlock()
	})
	defer stop()
	ui.mu.Lock()
	for (len(ui.jobs) > 0 || ui.sending) && !ui.closed && ctx.Err() == nil {
		ui.wake.Wait()
	}
	ui.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return ui.conn.Flush(ctx)
}

// enqueue adds a job; ui.mu is held.
func (ui *UI) enqueue(j job) {
	if !ui.closed {
		ui.jobs = append(ui.jobs, j)
		ui.wake.Broadcast()
	}
}

// done tells the kernel, behind all that was set because of it, that a front-end's message is dealt with; ui.mu is held.
func (ui *UI) done(id string) {
	ui.enqueue(func() (channel.Message, bool) { return channel.Message{ID: id}, true })
}

// send does the jobs. An update that cannot be sent because the kernel is away is lost, see returned.
func (ui *UI) send() {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	for {
		for len(ui.jobs) == 0 && !ui.closed {
			ui.wake.Wait()
		}
		if ui.closed {
			return
		}
		job := ui.jobs[0]
		m, ok := job()
		ui.jobs = ui.jobs[1:]
		if ok {
			ui.sending = true
			ui.mu.Unlock()
			var err error
			if m.Type == "" {
				err = ui.conn.Done(m.ID)
			} else {
				err = ui.conn.Send(m)
			}
			ui.mu.Lock()
			ui.sending = false
			switch {
			case errors.Is(err, channel.ErrAway):
				if m.Type == "comm_open" || m.Type == "display_data" {
					ui.lost = append(ui.lost, job)
				}
			case err != nil && ui.conn.Err() == nil:
				fmt.Fprintf(os.Stderr, "widget: %v\n", err)
			}
		}
		if len(ui.jobs) == 0 {
			ui.wake.Broadcast()
		}
	}
}

// receive deals with what the front-ends say and the kernel asks until the connection is over.
func (ui *UI) receive() {
	defer ui.end()
	for {
		f, err := ui.conn.Receive(context.Background())
		if err != nil {
			return
		}
		switch f.Kind {
		case channel.Comm:
			ui.heard(f.Message)
		case channel.Ask:
			content, buffers := ui.states()
			ui.conn.Answer(f.ID, content, buffers)
		case channel.Return:
			ui.returned(string(f.Content) == "true")
		}
	}
}

// returned makes up for what was lost while the kernel was away. A front-end whose kernel was restarted has broken off
// with all widgets it shows. It takes new ones by their states, and new states for old ones, so every widget becomes a new
// one, but for the frames that are displayed: these get the new ones for their content.
func (ui *UI) returned(restarted bool) {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	comms := map[string]string{}
	for _, m := range ui.models {
		if restarted && !m.lasting {
			m.id = newID()
		}
		comms[m.id] = target
	}
	ui.conn.Own(comms)
	lost := ui.lost
	ui.lost = nil
	for _, j := range lost {
		ui.enqueue(j)
	}
	if restarted {
		return // the states will be asked for
	}
	for _, m := range ui.models {
		for key := range m.state {
			m.dirty[key] = true
		}
		m.update()
	}
}

// heard deals with a message of a front-end.
func (ui *UI) heard(said channel.Message) {
	var content struct {
		ID   string `json:"comm_id"`
		Data struct {
			Method  string                     `json:"method"`
			State   map[string]json.RawMessage `json:"state"`
			Content struct {
				Event string `json:"event"`
			} `json:"content"`
		} `json:"data"`
	}
	err := json.Unmarshal(said.Content, &content)
	ui.mu.Lock()
	defer ui.mu.Unlock()
	m := ui.find(content.ID)
	if said.Type != "comm_msg" { // a page that closes its end of a comm does not end the widget for others
		return
	}
	if err != nil || m == nil {
		ui.done(said.ID)
		return
	}
	var due []*event
	switch content.Data.Method {
	case "update":
		due = m.changed(content.Data.State, said)
	case "request_state":
		ui.enqueue(func() (channel.Message, bool) { return m.message("update", m.state, said.Parent), true })
	case "custom":
		if call := m.custom[content.Data.Content.Event]; call != nil {
			e := &event{of: m, call: call}
			ui.events = append(ui.events, e)
			due = append(due, e)
		}
	}
	if len(due) == 0 {
		ui.done(said.ID)
		return
	}
	last := due[len(due)-1]
	last.ids = append(last.ids, said.ID)
	ui.wake.Broadcast()
}

func (ui *UI) find(id string) *model {
	for _, m := range ui.models {
		if m.id == id {
			return m
		}
	}
	return nil
}

// call calls callbacks, one at a time.
func (ui *UI) call() {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	for {
		for len(ui.events) == 0 && !ui.closed {
			ui.wake.Wait()
		}
		if ui.closed {
			return
		}
		e := ui.events[0]
		ui.events = ui.events[1:]
		for key, waiting := range e.of.waiting {
			if waiting == e {
				delete(e.of.waiting, key)
			}
		}
		ui.mu.Unlock()
		trouble := attempt(e.call)
		ui.mu.Lock()
		switch {
		case trouble != "":
			ui.tell(e.of, e.of.describe()+": "+trouble)
		case ui.blamed != nil: // the user has seen it and gone on
			ui.tell(nil, "")
		}
		for _, id := range e.ids {
			ui.done(id)
		}
	}
}

// attempt calls f and returns how it panicked, or "".
func attempt(f func()) (trouble string) {
	defer func() {
		if r := recover(); r != nil {
			stack := string(debug.Stack())
			fmt.Fprintf(os.Stderr, "widget: a callback panicked: %v\n%s", r, stack)
			trouble = fmt.Sprintf("panic: %v%s", r, culprit(stack))
		}
	}()
	f()
	return ""
}

// culprit names the place in a stack that panicked.
func culprit(stack string) string {
	_, below, _ := strings.Cut(stack, "\npanic(")
	lines := strings.Split(below, "\n")
	for _, line := range lines[min(2, len(lines)):] {
		if place, ok := strings.CutPrefix(line, "\t"); ok && !strings.Contains(place, "/src/runtime/") {
			if strings.Contains(place, "/gonb_") {
				return "" // GoNB's line numbers are not the cell's
			}
			place, _, _ = strings.Cut(place, " +0x")
			return " at " + place[strings.LastIndexByte(place, '/')+1:]
		}
	}
	return ""
}

// Report shows an error below the widgets, until Report(nil) or the next report.
func (ui *UI) Report(err error) {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	if err == nil {
		ui.tell(nil, "")
		return
	}
	ui.tell(nil, err.Error())
}
