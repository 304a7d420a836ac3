package kernel

import (
	"encoding/json"
	"strings"

	"gantry.local/kernel-ext/engine/wire"
	"gantry.local/kernel-ext/jupyter"
)

// onRequest returns what handles the messages that arrive on the shell or control socket. Cells go into the queue; almost everything
// else is answered at once.
func (p *proxy) onRequest(channel string) func(frames [][]byte, trust func()) {
	return func(frames [][]byte, trust func()) {
		m, h, ok := p.take(channel, frames, trust)
		if !ok {
			return
		}
		switch h.MsgType {
		case "execute_request":
			c, err := newCell(channel, m)
			if err != nil {
				p.refuse(channel, m, h, err)
				return
			}
			p.cells.add(c)
		case "shutdown_request":
			p.onShutdown(channel, m)
		case "interrupt_request":
			p.answer(channel, m, "interrupt_reply", func() any {
				p.interrupt()
				return map[string]any{"status": "ok"}
			})
		case "kernel_info_request":
			p.answer(channel, m, "kernel_info_reply", func() any { return p.engine.Ready.Info })
		default:
			if !p.hub.Takes(channel, m, h) && !p.answers(channel, m, h) {
				p.log.Complain("%s socket: nothing answers %q", channel, h.MsgType)
			}
		}
	}
}

// take reads the frames that a peer of a socket sent, the first being its identity, and calls trust if only a holder of the
// key can have made them. What is not right is dropped with a line in the log, and answered where the protocol has an
// answer. All but a shutdown waits until the engine takes cells; what comes when the kernel is ending is dropped.
func (p *proxy) take(socket string, frames [][]byte, trust func()) (*jupyter.Message, jupyter.Header, bool) {
	m, h, err := p.gate.Admit(frames)
	if err != nil {
		p.log.Complain("%s socket: dropped a message: %v", socket, err)
		return nil, h, false
	}
	trust()
	if err := jupyter.CheckParts(m); err != nil {
		p.refuse(socket, m, h, err)
		return nil, h, false
	}
	if h.MsgType == "shutdown_request" {
		return m, h, true
	}
	select {
	case <-p.ready:
		return m, h, true
	case <-p.done:
		return nil, h, false
	}
}

// refuse answers a request that cannot be understood with an error; what has no answer is dropped.
func (p *proxy) refuse(socket string, m *jupyter.Message, h jupyter.Header, why error) {
	p.log.Complain("%s socket: refused %q: %v", socket, h.MsgType, why)
	kind, isRequest := strings.CutSuffix(h.MsgType, "_request")
	if !isRequest || socket == "stdin" {
		return
	}
	p.answer(socket, m, kind+"_reply", func() any {
		return map[string]any{"status": "error", "ename": "MalformedMessage", "evalue": why.Error(), "traceback": []string{}}
	})
}

// onStdin gives the cell that runs what a person has entered.
func (p *proxy) onStdin(frames [][]byte, trust func()) {
	m, h, ok := p.take("stdin", frames, trust)
	if !ok {
		return
	}
	var input struct {
		Value *string `json:"value"`
	}
	if err := json.Unmarshal(m.Content, &input); err != nil || input.Value == nil || h.MsgType != "input_reply" {
		p.log.Complain("stdin socket: dropped a message: %q without a text as its value", h.MsgType)
		return
	}
	if c := p.cells.running(); c != nil {
		p.engine.Answer(int(c.id.Load()), *input.Value)
	}
}

// handGoNB hands GoNB what a front-end says on GoNB's own comm.
func (p *proxy) handGoNB(from *jupyter.Message, msgType string, content any) {
	if text, err := json.Marshal(content); err == nil {
		p.engine.FromPage(wire.Comm{Type: msgType, Content: text, Parent: from.Header})
	}
}

func (p *proxy) onShutdown(channel string, m *jupyter.Message) {
	var request struct {
		Restart bool `json:"restart"`
	}
	if err := json.Unmarshal(m.Content, &request); err != nil {
		p.log.Printf("shutdown request: %v", err)
	}
	p.hub.Ending(request.Restart)
	content := map[string]any{"status": "ok", "restart": request.Restart}
	p.answer(channel, m, "shutdown_reply", func() any { return content })
	p.tell(m, "shutdown_reply", content) // other front-ends of this kernel
	p.end()
}
