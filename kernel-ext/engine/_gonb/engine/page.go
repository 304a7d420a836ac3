package main

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/janpfeifer/gonb/engine/wire"
	"github.com/janpfeifer/gonb/internal/kernel"
)

// page is where GoNB says something for the page: it stands for the message that it answers.
type page struct {
	e       *engine
	content map[string]any  // of the message
	parent  json.RawMessage // as in wire.Comm
	replied json.RawMessage // content of the last reply
}

var _ kernel.Message = (*page)(nil)

// These implement kernel.Message. GoNB asks for input where it runs processes, which it does not here.
func (p *page) Error() error                    { return nil }
func (p *page) Ok() bool                        { return true }
func (p *page) ComposedMsg() kernel.ComposedMsg { return kernel.ComposedMsg{Content: p.content} }
func (p *page) CancelInput() error              { return nil }
func (p *page) DeliverInput() error             { return nil }

// Kernel returns one that knows no displays: the engine does.
func (p *page) Kernel() *kernel.Kernel {
	return &kernel.Kernel{JupyterKernelId: p.e.begin.KernelID, KnownBlockIds: map[string]struct{}{}}
}

// PromptInput implements kernel.Message.
func (p *page) PromptInput(string, bool, kernel.OnInputFn) error {
	return fmt.Errorf("nobody can be asked here")
}

// Publish implements kernel.Message: what was printed before comes before it.
func (p *page) Publish(msgType string, content any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	switch msgType {
	case "stream":
		var said struct{ Name, Text string }
		if err := json.Unmarshal(text, &said); err != nil {
			return err
		}
		to := p.e.stdout
		if said.Name == kernel.StreamStderr {
			to = p.e.stderr
		}
		to.say(said.Text)
		return nil
	case "display_data", "update_display_data":
		var display struct {
			Transient struct {
				ID string `json:"display_id"`
			}
		}
		if err := json.Unmarshal(text, &display); err != nil {
			return err
		}
		p.e.stdout.drain()
		p.e.stderr.drain()
		return p.e.conn.Send(wire.KindDisplay, wire.Display{
			Update: p.e.shown.again(display.Transient.ID), Content: text, Parent: p.parent,
		})
	case "comm_open", "comm_msg", "comm_close":
		return p.e.conn.Send(wire.KindToPage, wire.Comm{Type: msgType, Content: text, Parent: p.parent})
	}
	return nil
}

// Reply implements kernel.Message.
func (p *page) Reply(msgType string, content any) (err error) {
	if msgType == "comm_close" { // belongs with all else that is said on a comm
		return p.Publish(msgType, content)
	}
	p.replied, err = json.Marshal(content)
	return err
}

// shown remembers the ids of displays. The zero value is ready to use.
type shown struct {
	mu  sync.Mutex
	ids map[string]bool
}

// again tells whether a display with this id was there before. An empty id is none.
func (s *shown) again(id string) bool {
	if id == "" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids[id] {
		return true
	}
	if s.ids == nil {
		s.ids = map[string]bool{}
	}
	s.ids[id] = true
	return false
}

// fromPage gives GoNB's widgets what the front-end says. It may take seconds, when they wait for an answer.
func (e *engine) fromPage(c wire.Comm) {
	p := &page{e: e, parent: c.Parent}
	if json.Unmarshal(c.Content, &p.content) != nil {
		return
	}
	switch c.Type { // GoNB logs errors, and nobody can do more
	case "comm_open":
		e.state.Comms.HandleOpen(p)
	case "comm_msg":
		e.state.Comms.HandleMsg(p)
	}
}
