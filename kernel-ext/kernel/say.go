package kernel

import "gantry.local/kernel-ext/jupyter"

// answer replies to a request, between the busy and idle states that Jupyter expects around it.
func (p *proxy) answer(channel string, m *jupyter.Message, replyType string, content func() any) {
	p.status(m, "busy")
	p.reply(channel, jupyter.NewReply(p.session, replyType, m, content()))
	p.status(m, "idle")
}

// reply sends a message to the front-end that it names, by the socket on which that has asked.
func (p *proxy) reply(channel string, m *jupyter.Message) {
	to := p.shell
	if channel == "control" {
		to = p.control
	}
	to.Send(p.signer.Frames(m))
}

// status tells all front-ends whether the kernel is at work on what one of them has asked.
func (p *proxy) status(about *jupyter.Message, state string) {
	p.tell(about, "status", map[string]string{"execution_state": state})
}

// tell tells all front-ends something about what one of them has asked.
func (p *proxy) tell(about *jupyter.Message, msgType string, content any) {
	p.publish(jupyter.NewMessage(p.session, msgType, about, content))
}

// publish sends a message to all front-ends behind all that cells have printed so far.
func (p *proxy) publish(m *jupyter.Message) {
	p.output.flush()
	p.send(m)
}

// send sends a message to all front-ends, its type as the topic.
func (p *proxy) send(m *jupyter.Message) {
	h, err := jupyter.DecodeHeader(m.Header)
	if err != nil {
		p.log.Printf("iopub: %v", err)
		return
	}
	m.Identities = [][]byte{[]byte(h.MsgType)}
	p.iopub.Send(p.signer.Frames(m))
}

// welcome tells a new subscriber of iopub that nothing is lost on it any more.
func (p *proxy) welcome(topic string) [][]byte {
	m := jupyter.NewMessage(p.session, "iopub_welcome", nil, map[string]string{"subscription": topic})
	m.Identities = [][]byte{[]byte(topic)}
	return p.signer.Frames(m)
}
