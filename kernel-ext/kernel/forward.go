package kernel

import (
	"encoding/json"
	"strings"
	"time"
)

// waitReady blocks a front-end's requests until GoNB can take them. It returns false when the kernel is ending.
func (p *proxy) waitReady() bool {
	select {
	case <-p.ready:
		return true
	case <-p.done:
		return false
	}
}

// parse reads a message of a front-end; what is not right is dropped with a line in the log, as the protocol demands.
func (p *proxy) parse(socket string, frames [][]byte) (*message, header, bool) {
	m, err := p.signer.parse(frames)
	var h header
	if err == nil {
		h, err = decodeHeader(m.header)
	}
	if err != nil {
		p.log.printf("%s socket: dropped a message: %v", socket, err)
		return nil, h, false
	}
	return m, h, true
}

func (p *proxy) onShell(frames [][]byte) { p.onRequest("shell", frames) }

func (p *proxy) onControl(frames [][]byte) { p.onRequest("control", frames) }

// onRequest handles a message that arrived on the shell or control socket. Cells go into the queue; almost everything
// else is answered here, because GoNB answers it late, on the wrong socket, or never.
func (p *proxy) onRequest(channel string, frames [][]byte) {
	m, h, ok := p.parse(channel, frames)
	if !ok {
		return
	}
	switch h.MsgType {
	case "shutdown_request":
		p.onShutdown(channel, m)
		return
	case "interrupt_request":
		p.answer(channel, m, "interrupt_reply", func() any {
			p.interrupt()
			return map[string]any{"status": "ok"}
		})
		return
	}
	if h.MsgType == "execute_request" {
		c, err := newCell(channel, m)
		if err != nil {
			p.log.printf("%s socket: dropped a message: %v", channel, err)
			return
		}
		p.cells.add(c)
		return
	}
	if p.hub.takes(channel, m, h) || p.answers(channel, m, h.MsgType) || !p.waitReady() {
		return
	}
	if h.MsgType == "kernel_info_request" {
		p.answer(channel, m, "kernel_info_reply", func() any { return p.info })
		return
	}
	p.requests.add(h.MsgID, request{header: m.header, control: channel == "control"})
	to := p.gonb.shell
	if channel == "control" {
		to = p.gonb.control
	}
	p.forward(to, m)
}

// inputDelay is how long after its question GoNB is sure to take the answer: it asks first and gets ready after, and
// an answer that comes between is lost, and the cell waits for ever.
const inputDelay = 50 * time.Millisecond

// onStdin forwards the user's input.
func (p *proxy) onStdin(frames [][]byte) {
	if m, _, ok := p.parse("stdin", frames); ok && p.waitReady() {
		asked := time.Unix(0, p.question.Load())
		time.Sleep(time.Until(asked.Add(inputDelay)))
		p.forward(p.gonb.stdin, m)
	}
}

func (p *proxy) forward(to *link, m *message) {
	if err := to.send(p.gonb.signer.frames(m)); err != nil {
		p.log.printf("cannot reach GoNB: %v", err) // Serve ends when GoNB has; this says what was lost
	}
}

// answer replies to a request from here, between the busy and idle states that Jupyter expects around it.
func (p *proxy) answer(channel string, m *message, replyType string, content func() any) {
	p.publish(newMessage(p.session, "status", m, map[string]string{"execution_state": "busy"}))
	p.reply(channel, newReply(p.session, replyType, m, content()))
	p.publish(newMessage(p.session, "status", m, map[string]string{"execution_state": "idle"}))
}

// welcome tells a new subscriber of iopub that nothing is lost on it any more.
func (p *proxy) welcome(topic string) [][]byte {
	m := newMessage(p.session, "iopub_welcome", nil, map[string]string{"subscription": topic})
	m.identities = [][]byte{[]byte(topic)}
	return p.signer.frames(m)
}

func (p *proxy) onShutdown(channel string, m *message) {
	var request struct {
		Restart bool `json:"restart"`
	}
	if err := json.Unmarshal(m.content, &request); err != nil {
		p.log.printf("shutdown request: %v", err)
	}
	p.hub.ending(request.Restart)
	content := map[string]any{"status": "ok", "restart": request.Restart}
	p.answer(channel, m, "shutdown_reply", func() any { return content })
	p.publish(newMessage(p.session, "shutdown_reply", m, content)) // other front-ends of this kernel
	p.asked.Do(func() { close(p.shutdown) })
}

func (p *proxy) reply(channel string, m *message) {
	to := p.shell
	if channel == "control" {
		to = p.control
	}
	to.send(p.signer.frames(m))
}

// fromGoNB reads a link until GoNB is gone and hands on what is for the front-ends, with the parent header as the
// front-end wrote it: GoNB keeps only the fields it knows.
func (p *proxy) fromGoNB(name string, from *link, deliver func(m *message, parent request)) {
	for {
		frames, err := from.receive()
		if err != nil {
			return
		}
		m, err := p.gonb.signer.parse(frames)
		if err != nil {
			p.log.printf("GoNB's %s socket: dropped a message: %v", name, err)
			continue
		}
		h, err := decodeHeader(m.parent)
		if err != nil {
			p.log.printf("GoNB's %s socket: dropped a message: parent header: %v", name, err)
			continue
		}
		if h.Session == p.session {
			select {
			case p.own <- m:
			default: // prepare has what it needs and reads no more
			}
			continue
		}
		request := p.requests.find(h.MsgID)
		if request.header != nil {
			m.parent = request.header
		}
		m.header = inSession(m.header, p.session)
		deliver(m, request)
	}
}

// fromShell carries replies. GoNB sends all of them here, also those to requests on control, and its comm_close, which
// belongs on iopub like all a kernel says on a comm.
func (p *proxy) fromShell() {
	p.fromGoNB("shell", p.gonb.shell, func(m *message, parent request) {
		if h, err := decodeHeader(m.header); err == nil && strings.HasPrefix(h.MsgType, "comm_") {
			p.publish(m)
		} else if parent.cell != nil {
			select {
			case parent.cell.replied <- m:
			default: // a second reply
			}
		} else if parent.control {
			p.control.send(p.signer.frames(m))
		} else {
			p.shell.send(p.signer.frames(m))
		}
	})
}

func (p *proxy) fromStdin() {
	p.fromGoNB("stdin", p.gonb.stdin, func(m *message, _ request) {
		p.question.Store(time.Now().UnixNano())
		p.stdin.send(p.signer.frames(m))
	})
}

func (p *proxy) fromIOPub() {
	p.fromGoNB("iopub", p.gonb.iopub, func(m *message, parent request) {
		if parent.cell == nil || !p.fromCell(parent.cell, m) {
			p.publish(m)
		}
	})
}
