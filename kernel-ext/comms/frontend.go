package comms

import (
	"encoding/json"
	"time"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/jupyter"
)

const (
	// widgetControl is the comm target by which a front-end asks for the state of all widgets.
	widgetControl = "jupyter.widget.control"
	gonbTarget    = "gonb_comm"
	// OwnerPatience is how long a process may take over a front-end's message before the front-end is told that it may
	// send the next.
	OwnerPatience = 2 * time.Second
)

// comm is what the hub looks at in the content of a comm message.
type comm struct{ id, target, method string }

// readComm reads the content of a comm message. What is not right in it stays empty: the data of a comm may be anything.
func readComm(m *jupyter.Message) comm {
	var c comm
	var whole struct {
		ID     string          `json:"comm_id"`
		Target string          `json:"target_name"`
		Data   json.RawMessage `json:"data"`
	}
	if json.Unmarshal(m.Content, &whole) != nil {
		return c
	}
	c.id, c.target = whole.ID, whole.Target
	var data struct {
		Method string `json:"method"`
	}
	if json.Unmarshal(whole.Data, &data) == nil {
		c.method = data.Method
	}
	return c
}

// Takes answers what a front-end says about comms, or hands it on to GoNB. It returns false for what is no matter of comms.
func (h *Hub) Takes(socket string, m *jupyter.Message, header jupyter.Header) bool {
	switch header.MsgType {
	case "comm_info_request":
		h.aside(m, func() {
			h.kernel.Reply(socket, jupyter.NewReply(h.kernel.Session, "comm_info_reply", m,
				map[string]any{"status": "ok", "comms": h.info(readComm(m).target)}))
		})
	case "comm_open":
		h.opens(m, readComm(m))
	case "comm_msg":
		h.says(m, header, readComm(m))
	case "comm_close":
		h.closes(m, header, readComm(m))
	default:
		return false
	}
	return true
}

// info lists the comms with this target, "" for all.
func (h *Hub) info(target string) map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	comms := map[string]any{}
	add := func(id, its string) {
		if target == "" || target == its {
			comms[id] = map[string]string{"target_name": its}
		}
	}
	for id, o := range h.owners {
		add(id, o.target)
	}
	for id := range h.gonb {
		add(id, gonbTarget)
	}
	return comms
}

func (h *Hub) opens(m *jupyter.Message, c comm) {
	h.mu.Lock()
	switch c.target {
	case gonbTarget:
		clear(h.gonb) // GoNB has one comm, the latest
		h.gonb[c.id] = true
	case widgetControl:
		h.controls[c.id] = true
	}
	h.mu.Unlock()
	switch c.target {
	case gonbTarget:
		h.handOn(m, "comm_open")
	case widgetControl:
		h.aside(m, func() {})
	default:
		h.aside(m, func() { h.refuse(m, c.id) })
	}
}

// handOn gives GoNB a message on its comm.
func (h *Hub) handOn(m *jupyter.Message, msgType string) {
	var said struct {
		ID     string         `json:"comm_id"`
		Target string         `json:"target_name"`
		Kernel string         `json:"kernel_id"`
		Data   map[string]any `json:"data"`
	}
	if err := json.Unmarshal(m.Content, &said); err != nil || said.Data == nil {
		h.kernel.Complain("dropped a %s for GoNB that it would not understand", msgType)
		return
	}
	h.kernel.GoNB(m, msgType, map[string]any{
		"comm_id": said.ID, "target_name": said.Target, "kernel_id": said.Kernel, "data": said.Data,
	})
}

// says routes a comm_msg.
func (h *Hub) says(m *jupyter.Message, header jupyter.Header, c comm) {
	h.mu.Lock()
	gonb, control := h.gonb[c.id], h.controls[c.id]
	owner, ours := h.owners[c.id]
	var peer *channel.Peer
	if ours {
		peer = owner.peer
	}
	h.mu.Unlock()
	switch {
	case ours:
		h.deliver(m, header, peer)
	case gonb:
		h.handOn(m, "comm_msg")
	case control && c.method == "request_states":
		go h.aside(m, func() { h.tellStates(m, c.id) })
	case control:
		h.aside(m, func() { h.kernel.Log("widget control: unknown method %q", c.method) })
	default:
		h.aside(m, func() { h.refuse(m, c.id) })
	}
}

// closes handles a comm_close. A process learns of it and decides: one page that goes does not end a widget that others
// show. GoNB does not listen to it.
func (h *Hub) closes(m *jupyter.Message, header jupyter.Header, c comm) {
	h.mu.Lock()
	owner := h.owners[c.id]
	delete(h.controls, c.id)
	delete(h.gonb, c.id)
	var peer *channel.Peer
	if owner != nil {
		peer = owner.peer
	}
	h.mu.Unlock()
	h.aside(m, func() {
		if peer != nil {
			peer.Send(fromFrontEnd(m, header))
		}
	})
}

// aside does something between the busy and idle states that a front-end expects around each of its messages.
func (h *Hub) aside(m *jupyter.Message, do func()) {
	h.status("busy", m)
	do()
	h.status("idle", m)
}

// refuse closes a comm that nobody here knows, as the protocol asks.
func (h *Hub) refuse(m *jupyter.Message, id string) {
	h.publish("comm_close", m, map[string]any{"comm_id": id, "data": map[string]any{}}, nil)
}

func fromFrontEnd(m *jupyter.Message, header jupyter.Header) channel.Frame {
	return channel.Frame{Kind: channel.Comm, Message: channel.Message{
		ID: header.MsgID, Type: header.MsgType, Parent: m.Header, Content: m.Content, Metadata: m.Metadata, Buffers: m.Buffers,
	}}
}

// deliver hands a front-end's message to the process that owns the comm. The idle state follows when the process says
// that it is done, for JupyterLab holds back the next move of a slider until then; a silent process is waited for only
// so long.
func (h *Hub) deliver(m *jupyter.Message, header jupyter.Header, peer *channel.Peer) {
	h.mu.Lock()
	h.pending[header.MsgID] = m
	h.mu.Unlock()
	h.status("busy", m)
	if peer == nil || !peer.Send(fromFrontEnd(m, header)) {
		h.settle(header.MsgID)
		return
	}
	time.AfterFunc(OwnerPatience, func() { h.settle(header.MsgID) })
}

// settle tells the front-end that its message is dealt with, once.
func (h *Hub) settle(id string) {
	h.mu.Lock()
	m := h.pending[id]
	delete(h.pending, id)
	h.mu.Unlock()
	if m != nil {
		h.status("idle", m)
	}
}
