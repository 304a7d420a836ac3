package kernel

import (
	"encoding/json"

	"gantry.local/kernel-ext/engine"
	"gantry.local/kernel-ext/engine/wire"
	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/jupyter"
)

// events are what the engine says about the cell that runs, in the order in which it happens.
func (p *proxy) events() engine.Events {
	return engine.Events{
		Printed: func(stderr bool, text []byte) {
			name := "stdout"
			if stderr {
				name = "stderr"
			}
			p.output.write(name, text)
		},
		Display: func(d wire.Display) {
			msgType := "display_data"
			if d.Update {
				msgType = "update_display_data"
			}
			p.publish(p.message(msgType, d.Content, d.Parent))
		},
		ToPage: func(c wire.Comm) { p.publish(p.message(c.Type, c.Content, c.Parent)) },
		Ask: func(a wire.Ask) {
			if c := p.theCell(a.Cell); c != nil {
				m := jupyter.NewReply(p.session, "input_request", c.message, map[string]any{"prompt": a.Prompt, "password": a.Password})
				p.stdin.Send(p.signer.Frames(m))
			}
		},
		Running: func(r wire.Running) {
			c := p.theCell(r.Cell)
			if c == nil {
				return
			}
			c.happens(starts)
			if r.Shell < 0 {
				c.program = &r
				p.output.annotateBy(p.report(c).Annotate)
			}
		},
		Definitions: func(d wire.Definitions) { p.earlier.Store(golang.ReadEarlier(d.Source)) },
	}
}

// theCell returns the cell that runs if it is the one that the engine means, which it is but for an engine out of order.
func (p *proxy) theCell(id int) *cell {
	if c := p.cells.running(); c != nil && c.id.Load() == int64(id) {
		return c
	}
	p.log.Printf("the engine speaks of cell %d, which does not run", id)
	return nil
}

// message is one that the engine has made. Without a parent it belongs to the cell that runs.
func (p *proxy) message(msgType string, content, parent json.RawMessage) *jupyter.Message {
	m := jupyter.NewMessage(p.session, msgType, nil, content)
	if m.Parent = parent; len(parent) == 0 || string(parent) == "null" {
		m.Parent = p.runningCell()
	}
	return m
}
