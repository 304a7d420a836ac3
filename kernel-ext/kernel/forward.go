package kernel

import (
	"encoding/json"
	"strings"
	"time"

	"gantry.local/kernel-ext/jupyter"
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
		if !p.hub.Takes(channel, m, h) && !p.answers(channel, m, h) {
			p.log.Complain("%s socket: nothing answers %q", channel, h.MsgType)
		}
	}
}

// take reads the frames that a peer of a socket sent, the first being its identity, and calls trust if only a holder of the
// key can have made them. What is not right is dropped with a line in the log, and answered where the protocol has an
// answer.
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
	return m, h, true
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
	if err := json.Unmarshal(m.Content, &input); err != nil || input.Value == nil || h.MsgType != "input_reply" {
		p.log.Complain("stdin socket: dropped a message: %q without a text as its value", h.MsgType)
		return
	}
	asked := time.Unix(0, p.question.Load())
	time.Sleep(time.Until(asked.Add(inputDelay)))
	p.forward(p.gonb.stdin, jupyter.NewMessage(frontEnd, "input_reply", nil, map[string]any{"status": "ok", "value": *input.Value}))
}

// frontEnd is the session of what GoNB gets in the name of front-ends. None of that is what a front-end wrote: GoNB ends at
// a message that is not as it expects, so it gets new ones, made of what was understood.
const frontEnd = "front-end"

// handOn sends GoNB a message in the place of a front-end's, or of a cell's.
func (p *proxy) handOn(from *jupyter.Message, c *cell, msgType string, content any) {
	m := jupyter.NewMessage(frontEnd, msgType, nil, content)
	h, err := jupyter.DecodeHeader(m.Header)
	if err != nil {
		panic(err) // it was written just now
	}
	p.requests.add(h.MsgID, forwarded{message: from, cell: c})
	p.forward(p.gonb.shell, m)
}

// handGoNB hands GoNB what a front-end says on GoNB's own comm, once GoNB takes it.
func (p *proxy) handGoNB(from *jupyter.Message, msgType string, content any) {
	if p.waitReady() {
		p.handOn(from, nil, msgType, content)
	}
}

func (p *proxy) forward(to *jupyter.Link, m *jupyter.Message) {
	if err := to.Send(p.gonb.signer.Frames(m)); err != nil {
		p.log.Printf("cannot reach GoNB: %v", err) // Serve ends when GoNB has; this says what was lost
	}
}

// answer replies to a request from here, between the busy and idle states that Jupyter expects around it.
func (p *proxy) answer(channel string, m *jupyter.Message, replyType string, content func() any) {
	p.publish(jupyter.NewMessage(p.session, "status", m, map[string]string{"execution_state": "busy"}))
	p.reply(channel, jupyter.NewReply(p.session, replyType, m, content()))
	p.publish(jupyter.NewMessage(p.session, "status", m, map[string]string{"execution_state": "idle"}))
}

// welcome tells a new subscriber of iopub that nothing is lost on it any more.
func (p *proxy) welcome(topic string) [][]byte {
	m := jupyter.NewMessage(p.session, "iopub_welcome", nil, map[string]string{"subscription": topic})
	m.Identities = [][]byte{[]byte(topic)}
	return p.signer.Frames(m)
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
	p.publish(jupyter.NewMessage(p.session, "shutdown_reply", m, content)) // other front-ends of this kernel
	p.asked.Do(func() { close(p.shutdown) })
}

func (p *proxy) reply(channel string, m *jupyter.Message) {
	to := p.shell
	if channel == "control" {
		to = p.control
	}
	to.Send(p.signer.Frames(m))
}

// fromGoNB reads a link until GoNB is gone and hands on what is for the front-ends, with the parent header as the
// front-end wrote it: GoNB keeps only the fields it knows.
func (p *proxy) fromGoNB(name string, from *jupyter.Link, deliver func(m *jupyter.Message, parent forwarded)) {
	for {
		frames, err := from.Receive()
		if err != nil {
			return
		}
		m, err := p.gonb.signer.Parse(frames)
		if err != nil {
			p.log.Printf("GoNB's %s socket: dropped a message: %v", name, err)
			continue
		}
		h, err := jupyter.DecodeHeader(m.Parent)
		if err != nil {
			p.log.Printf("GoNB's %s socket: dropped a message: parent header: %v", name, err)
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
			m.Parent, m.Identities = request.message.Header, request.message.Identities
		}
		m.Header = jupyter.InSession(m.Header, p.session)
		deliver(m, request)
	}
}

// fromShell carries replies, which GoNB sends all here, and its comm_close, which belongs on iopub like all a kernel says
// on a comm. Only cells wait for a reply.
func (p *proxy) fromShell() {
	p.fromGoNB("shell", p.gonb.shell, func(m *jupyter.Message, parent forwarded) {
		if h, err := jupyter.DecodeHeader(m.Header); err == nil && strings.HasPrefix(h.MsgType, "comm_") {
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
	p.fromGoNB("stdin", p.gonb.stdin, func(m *jupyter.Message, parent forwarded) {
		if parent.message == nil {
			p.log.Printf("GoNB asks for input that no cell wants")
			return
		}
		p.question.Store(time.Now().UnixNano())
		p.stdin.Send(p.signer.Frames(m))
	})
}

func (p *proxy) fromIOPub() {
	p.fromGoNB("iopub", p.gonb.iopub, func(m *jupyter.Message, parent forwarded) {
		if parent.cell == nil || !p.fromCell(parent.cell, m) {
			p.publish(m)
		}
	})
}
