package kernel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	private "gantry.local/kernel-ext/channel"
)

const (
	// widgetControl is the comm target by which a front-end asks for the state of all widgets.
	widgetControl = "jupyter.widget.control"
	gonbTarget    = "gonb_comm"

	// ownerPatience is how long a process may take over a front-end's message before the front-end is told that it may
	// send the next.
	ownerPatience = 2 * time.Second
	// orphanPatience is how long the comms of a process that has vanished wait for it.
	orphanPatience = 3 * time.Second
	// statesPatience is how long processes may take to tell the state of their widgets, and gathering is how old a hub
	// must be to be asked for it: after a restart the processes need a moment to find it. JupyterLab waits 4 s.
	statesPatience = 1500 * time.Millisecond
	gathering      = 1200 * time.Millisecond
)

// published are the message types that a process may have published.
var published = []string{
	"display_data", "update_display_data", "clear_output", "stream", "comm_open", "comm_msg", "comm_close",
}

// hub is the kernel's side of the channel to the processes that cells started. It publishes what they say, routes what
// front-ends say on comms, and never waits for GoNB, so it works while a cell runs.
type hub struct {
	p        *proxy
	path     string
	listener net.Listener
	opened   time.Time
	working  sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	final    bool              // the kernel is not to be restarted
	greeting map[net.Conn]bool // connections that have not said who they are
	peers    map[*private.Peer]bool
	heard    map[chan struct{}]int                 // by what is closed when a connection is over: the process that made it
	owners   map[string]*owned                     // by comm id
	wills    map[string]map[string]private.Message // what a process, by its name, wants said if it vanishes
	controls map[string]bool                       // the comms of front-ends to widgetControl
	gonb     map[string]bool                       // the comms of front-ends to GoNB
	pending  map[string]*message
	asked    map[string]chan private.Frame
}

// owned is a comm of a process.
type owned struct {
	target string
	name   string        // of the process
	peer   *private.Peer // nil while the process is away
}

func newHub(p *proxy) *hub {
	return &hub{
		p: p, greeting: map[net.Conn]bool{}, peers: map[*private.Peer]bool{}, heard: map[chan struct{}]int{}, owners: map[string]*owned{},
		wills: map[string]map[string]private.Message{}, controls: map[string]bool{},
		gonb: map[string]bool{}, pending: map[string]*message{}, asked: map[string]chan private.Frame{},
	}
}

// open starts to listen for processes.
func (h *hub) open(path string) error {
	l, err := private.ListenAt(path)
	if err != nil {
		return err
	}
	h.path, h.listener, h.opened = path, l, time.Now()
	h.working.Go(func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				h.p.log.printf("channel: accept: %v", err)
				time.Sleep(100 * time.Millisecond) // out of descriptors: let some go before the next try
				continue
			}
			h.working.Go(func() { h.welcome(conn) })
		}
	})
	return nil
}

// close ends all connections. Their processes look for the next kernel, unless the end is final.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	for conn := range h.greeting {
		conn.Close()
	}
	for peer := range h.peers {
		if !h.final || !peer.Offer(private.Frame{Kind: private.End}) {
			peer.Close()
		}
	}
	h.mu.Unlock()
	if h.listener == nil {
		return
	}
	h.listener.Close()
	h.working.Wait()
	private.RemoveFolder(h.path)
}

// ending notes that a front-end asked for the end of the kernel.
func (h *hub) ending(restart bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.final = !restart
}

// running returns the header of the cell that runs, or {}.
func (h *hub) running() json.RawMessage {
	if c := h.p.cells.running(); c != nil {
		return c.message.header
	}
	return json.RawMessage("{}")
}

// welcome serves one connection until it ends.
func (h *hub) welcome(conn net.Conn) {
	over := make(chan struct{})
	h.mu.Lock()
	h.greeting[conn] = true
	h.heard[over] = peerProcess(conn)
	closed := h.closed
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.heard, over)
		h.mu.Unlock()
		close(over)
	}()
	if closed {
		conn.Close()
	}
	peer, err := private.Accept(conn, h.p.session, h.running)
	h.mu.Lock()
	delete(h.greeting, conn)
	h.mu.Unlock()
	if err != nil {
		h.p.log.printf("channel: %v", err)
		return
	}
	defer peer.Close()
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.peers[peer] = true
	h.own(peer, peer.Comms)
	h.mu.Unlock()
	defer h.left(peer)
	for {
		f, err := peer.Receive()
		if err != nil {
			return
		}
		h.handle(peer, f)
	}
}

// hearOut waits until all that a process has said that has ended is published.
func (h *hub) hearOut(pid int) {
	h.mu.Lock()
	var waits []chan struct{}
	for over, its := range h.heard {
		if its == pid {
			waits = append(waits, over)
		}
	}
	h.mu.Unlock()
	for _, over := range waits {
		<-over
	}
}

// own makes comms those of a peer, and no others; h.mu is held.
func (h *hub) own(peer *private.Peer, comms map[string]string) {
	for id, o := range h.owners {
		if o.name == peer.Name {
			delete(h.owners, id)
		}
	}
	for id, target := range comms {
		h.owners[id] = &owned{target, peer.Name, peer}
	}
}

// left closes the comms of a peer that does not come back, and does its will.
func (h *hub) left(peer *private.Peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.peers, peer)
	orphans := h.wills[peer.Name] != nil
	for _, o := range h.owners {
		if o.peer == peer {
			o.peer, orphans = nil, true
		}
	}
	if orphans && !h.closed {
		time.AfterFunc(orphanPatience, func() { h.bury(peer.Name) })
	}
}

// bury tells the front-ends that the comms of a process are no more, if it is still away.
func (h *hub) bury(name string) {
	h.mu.Lock()
	back := h.closed
	for peer := range h.peers {
		back = back || peer.Name == name
	}
	if back {
		h.mu.Unlock()
		return
	}
	wills := h.wills[name]
	delete(h.wills, name)
	var dead []string
	for id, o := range h.owners {
		if o.name == name {
			delete(h.owners, id)
			dead = append(dead, id)
		}
	}
	h.mu.Unlock()
	for _, will := range wills {
		h.publishFor(name, nil, will)
	}
	for _, id := range dead {
		h.publish("comm_close", nil, map[string]any{"comm_id": id, "data": map[string]any{}}, nil)
	}
}

// handle does what a process asks for.
func (h *hub) handle(peer *private.Peer, f private.Frame) {
	switch f.Kind {
	case private.Publish:
		h.publishFor(peer.Name, peer, f.Message)
	case private.Will:
		h.mu.Lock()
		if h.wills[peer.Name] == nil {
			h.wills[peer.Name] = map[string]private.Message{}
		}
		h.wills[peer.Name][f.ID] = f.Message
		if f.Type == "" {
			delete(h.wills[peer.Name], f.ID)
		}
		h.mu.Unlock()
	case private.Own:
		var owns private.Greeting
		if err := json.Unmarshal(f.Content, &owns); err != nil {
			h.p.log.printf("channel: %v", err)
			return
		}
		h.mu.Lock()
		h.own(peer, owns.Comms)
		h.mu.Unlock()
	case private.Done:
		h.settle(f.ID)
	case private.States:
		h.mu.Lock()
		answer := h.asked[f.ID]
		delete(h.asked, f.ID)
		h.mu.Unlock()
		if answer != nil {
			answer <- f
		}
	case private.Flush:
		peer.Send(private.Frame{Kind: private.Flushed, Message: private.Message{ID: f.ID}})
	default:
		h.p.log.printf("channel: a process sent an unknown frame %q", f.Kind)
	}
}

// publishFor publishes a message of the process called name.
func (h *hub) publishFor(name string, peer *private.Peer, said private.Message) {
	if !slices.Contains(published, said.Type) {
		h.p.log.printf("channel: a process may not publish %q", said.Type)
		return
	}
	if !isObject(said.Content) || !isObject(said.Metadata) {
		h.p.log.printf("channel: a process may not publish a %s whose content or metadata is no object", said.Type)
		return
	}
	m := newMessage(h.p.session, said.Type, nil, map[string]any{})
	if parent, err := decodeHeader(said.Parent); err == nil && parent.MsgID != "" {
		m.parent = said.Parent
	} else {
		m.parent = h.running()
	}
	if len(said.Content) > 0 {
		m.content = said.Content
	}
	if len(said.Metadata) > 0 {
		m.metadata = said.Metadata
	}
	m.buffers = said.Buffers
	if c := readComm(m); said.Type == "comm_open" || said.Type == "comm_close" {
		h.mu.Lock()
		delete(h.owners, c.id)
		if said.Type == "comm_open" {
			h.owners[c.id] = &owned{c.target, name, peer}
		}
		h.mu.Unlock()
	}
	h.p.publish(m)
}

// isObject tells whether JSON that is whole is an object, or missing.
func isObject(text json.RawMessage) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) == 0 || text[0] == '{'
}

// publish publishes a message of the kernel's own.
func (h *hub) publish(msgType string, parent *message, content any, buffers [][]byte) {
	m := newMessage(h.p.session, msgType, parent, content)
	m.buffers = buffers
	h.p.publish(m)
}

func (h *hub) status(state string, parent *message) {
	h.publish("status", parent, map[string]string{"execution_state": state}, nil)
}

// settle tells the front-end that its message is dealt with, once.
func (h *hub) settle(id string) {
	h.mu.Lock()
	m := h.pending[id]
	delete(h.pending, id)
	h.mu.Unlock()
	if m != nil {
		h.status("idle", m)
	}
}

// comm is what the hub looks at in the content of a comm message.
type comm struct{ id, target, method string }

// readComm reads the content of a comm message. What is not right in it stays empty: the data of a comm may be anything.
func readComm(m *message) comm {
	var c comm
	var whole struct {
		ID     string          `json:"comm_id"`
		Target string          `json:"target_name"`
		Data   json.RawMessage `json:"data"`
	}
	if json.Unmarshal(m.content, &whole) != nil {
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

// takes answers what a front-end says about comms, or hands it on to GoNB. It returns false for what is no matter of comms.
func (h *hub) takes(socket string, m *message, header header) bool {
	switch header.MsgType {
	case "comm_info_request":
		h.p.answer(socket, m, "comm_info_reply", func() any {
			return map[string]any{"status": "ok", "comms": h.info(readComm(m).target)}
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
func (h *hub) info(target string) map[string]any {
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

func (h *hub) opens(m *message, c comm) {
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
func (h *hub) handOn(m *message, msgType string) {
	var said struct {
		ID     string         `json:"comm_id"`
		Target string         `json:"target_name"`
		Kernel string         `json:"kernel_id"`
		Data   map[string]any `json:"data"`
	}
	if err := json.Unmarshal(m.content, &said); err != nil || said.Data == nil {
		h.p.log.complain("dropped a %s for GoNB that it would not understand", msgType)
		return
	}
	if h.p.waitReady() {
		h.p.handOn(m, nil, msgType, map[string]any{
			"comm_id": said.ID, "target_name": said.Target, "kernel_id": said.Kernel, "data": said.Data,
		})
	}
}

// says routes a comm_msg.
func (h *hub) says(m *message, header header, c comm) {
	h.mu.Lock()
	gonb, control := h.gonb[c.id], h.controls[c.id]
	owner, ours := h.owners[c.id]
	var peer *private.Peer
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
		h.aside(m, func() { h.p.log.printf("widget control: unknown method %q", c.method) })
	default:
		h.aside(m, func() { h.refuse(m, c.id) })
	}
}

// closes handles a comm_close. A process learns of it and decides: one page that goes does not end a widget that others
// show. GoNB does not listen to it.
func (h *hub) closes(m *message, header header, c comm) {
	h.mu.Lock()
	owner := h.owners[c.id]
	delete(h.controls, c.id)
	delete(h.gonb, c.id)
	var peer *private.Peer
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
func (h *hub) aside(m *message, do func()) {
	h.status("busy", m)
	do()
	h.status("idle", m)
}

// refuse closes a comm that nobody here knows, as the protocol asks.
func (h *hub) refuse(m *message, id string) {
	h.publish("comm_close", m, map[string]any{"comm_id": id, "data": map[string]any{}}, nil)
}

func fromFrontEnd(m *message, header header) private.Frame {
	return private.Frame{Kind: private.Comm, Message: private.Message{
		ID: header.MsgID, Type: header.MsgType, Parent: m.header, Content: m.content, Metadata: m.metadata, Buffers: m.buffers,
	}}
}

// deliver hands a front-end's message to the process that owns the comm. The idle state follows when the process says
// that it is done, for JupyterLab holds back the next move of a slider until then; a silent process is waited for only
// so long.
func (h *hub) deliver(m *message, header header, peer *private.Peer) {
	h.mu.Lock()
	h.pending[header.MsgID] = m
	h.mu.Unlock()
	h.status("busy", m)
	if peer == nil || !peer.Send(fromFrontEnd(m, header)) {
		h.settle(header.MsgID)
		return
	}
	time.AfterFunc(ownerPatience, func() { h.settle(header.MsgID) })
}

// tellStates answers request_states with the states of the widgets of all processes, so that a page that was loaded anew
// shows them, and one that has lost its kernel.
func (h *hub) tellStates(m *message, control string) {
	select {
	case <-time.After(time.Until(h.opened.Add(gathering))):
	case <-h.p.done:
	}
	h.mu.Lock()
	answers := make(chan private.Frame, len(h.peers))
	var asked []string
	for peer := range h.peers {
		id := newID()
		if peer.Offer(private.Frame{Kind: private.Ask, Message: private.Message{ID: id}}) {
			h.asked[id] = answers
			asked = append(asked, id)
		}
	}
	h.mu.Unlock()

	all := states{Method: "update_states", States: map[string]json.RawMessage{}, Paths: []json.RawMessage{}}
	var buffers [][]byte
	patience := time.NewTimer(statesPatience)
	defer patience.Stop()
	for range asked {
		select {
		case f := <-answers:
			if err := all.add(f); err != nil {
				h.p.log.printf("channel: the states of widgets: %v", err)
				continue
			}
			buffers = append(buffers, f.Buffers...)
			continue
		case <-patience.C:
		case <-h.p.done:
		}
		break
	}
	h.mu.Lock()
	for _, id := range asked {
		delete(h.asked, id)
	}
	h.mu.Unlock()
	h.publish("comm_msg", m, map[string]any{"comm_id": control, "data": all}, buffers)
}

// states is the data of an update_states message.
type states struct {
	Method string                     `json:"method"`
	States map[string]json.RawMessage `json:"states"`
	Paths  []json.RawMessage          `json:"buffer_paths"`
}

// add adds one process's answer.
func (s *states) add(f private.Frame) error {
	var more states
	if err := json.Unmarshal(f.Content, &more); err != nil {
		return err
	}
	if len(more.Paths) != len(f.Buffers) {
		return fmt.Errorf("%d paths for %d buffers", len(more.Paths), len(f.Buffers))
	}
	for id, state := range more.States {
		s.States[id] = state
	}
	s.Paths = append(s.Paths, more.Paths...)
	return nil
}

// inSession returns a message header with another session. All that a kernel says must bear one session: JupyterLab
// drops without a word what it has not dealt with when a message of another session arrives, and GoNB uses that of each
// front-end.
func inSession(raw []byte, session string) []byte {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return raw
	}
	name, err := json.Marshal(session)
	if err != nil || bytes.Equal(fields["session"], name) {
		return raw
	}
	fields["session"] = name
	if text, err := json.Marshal(fields); err == nil {
		return text
	}
	return raw
}
