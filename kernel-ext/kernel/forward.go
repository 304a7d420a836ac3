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

func (p *proxy) onShell(frames [][]byte, trust func()) { p.onRequest("shell", frames, trust) }

func (p *proxy) onControl(frames [][]byte, trust func()) { p.onRequest("control", frames, trust) }

// onRequest handles a message that arrived on the shell or control socket. Cells go into the queue; almost everything
// else is answered here, because GoNB answers it late, on the wrong socket, or never.
func (p *proxy) onRequest(channel string, frames [][]byte, trust func()) {
	m, h, ok := p.take(channel, frames, trust)
	if !ok {
		return
	}
	switch h.MsgType {
	case "shutdown_request":
		p.onShutdown(channel, m)
	case "interrupt_request":
		p.answer(channel, m, "interrupt_reply", func() any {
			p.interrupt()
			return map[string]any{"status": "ok"}
		})
	case "execute_request":
		if c, err := newCell(channel, m); err != nil {
			p.refuse(channel, m, h, err)
		} else {
			p.cells.add(c)
		}
	case "kernel_info_request":
		if p.waitReady() {
			p.answer(channel, m, "kernel_info_reply", func() any { return p.info })
		}
	default:
		if !p.hub.takes(channel, m, h) && !p.answers(channel, m, h.MsgType) {
			p.log.complain("%s socket: nothing answers %q", channel, h.MsgType)
		}
	}
}

// inputDelay is how long after its question GoNB is sure to take the answer: it asks first and gets ready after, and
// an answer that comes between is lost, and the cell waits for ever.
const inputDelay = 50 * time.Millisecond

// onStdin forwards the user's input.
func (p *proxy) onStdin(frames [][]byte, trust func()) {
	m, h, ok := p.take("stdin", frames, trust)
	if !ok || !p.waitReady() {
		return
	}
	var input struct {
		Value *string `json:"value"`
	}
	if err := json.Unmarshal(m.content, &input); err != nil || input.Value == nil || h.MsgType != "input_reply" {
		p.log.complain("stdin socket: dropped a message: %q without a text as its value", h.MsgType)
		return
	}
	asked := time.Unix(0, p.question.Load())
	time.Sleep(time.Until(asked.Add(inputDelay)))
	p.forward(p.gonb.stdin, newMessage(frontEnd, "input_reply", nil, map[string]any{"status": "ok", "value": *input.Value}))
}

// frontEnd is the session of what GoNB gets in the name of front-ends. None of that is what a front-end wrote: GoNB ends at
// a message that is not as it expects, so it gets new ones, made of what was understood.
const frontEnd = "front-end"

// handOn sends GoNB a message in the place of a front-end's, or of a cell's.
func (p *proxy) handOn(from *message, c *cell, msgType string, content any) {
	m := newMessage(frontEnd, msgType, nil, content)
	h, err := decodeHeader(m.header)
	if err != nil {
		panic(err) // it was written just now
	}
	p.requests.add(h.MsgID, request{message: from, cell: c})
	p.forward(p.gonb.shell, m)
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
		if request.message != nil {
			m.parent, m.identities = request.message.header, request.message.identities
		}
		m.header = inSession(m.header, p.session)
		deliver(m, request)
	}
}

// fromShell carries replies, which GoNB sends all here, and its comm_close, which belongs on iopub like all a kernel says
// on a comm. Only cells wait for a reply.
func (p *proxy) fromShell() {
	p.fromGoNB("shell", p.gonb.shell, func(m *message, parent request) {
		if h, err := decodeHeader(m.header); err == nil && strings.HasPrefix(h.MsgType, "comm_") {
			p.publish(m)
		} else if parent.cell != nil {
			select {
			case parent.cell.replied <- m:
			default: // a second reply
			}
		}
	})
}

func (p *proxy) fromStdin() {
	p.fromGoNB("stdin", p.gonb.stdin, func(m *message, parent request) {
		if parent.message == nil {
			p.log.printf("GoNB asks for input that no cell wants")
			return
		}
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
