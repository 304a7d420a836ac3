package comms

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/jupyter"
)

// orphanPatience is how long the comms of a process that has vanished wait for it.
const orphanPatience = 3 * time.Second

// published are the message types that a process may have published.
var published = []string{
	"display_data", "update_display_data", "clear_output", "stream", "comm_open", "comm_msg", "comm_close",
}

// owned is a comm of a process.
type owned struct {
	target string
	name   string        // of the process
	peer   *channel.Peer // nil while the process is away
}

// handle does what a process asks for.
func (h *Hub) handle(peer *channel.Peer, f channel.Frame) {
	switch f.Kind {
	case channel.Publish:
		h.publishFor(peer.Name, peer, f.Message)
	case channel.Will:
		h.mu.Lock()
		if h.wills[peer.Name] == nil {
			h.wills[peer.Name] = map[string]channel.Message{}
		}
		h.wills[peer.Name][f.ID] = f.Message
		if f.Type == "" {
			delete(h.wills[peer.Name], f.ID)
		}
		h.mu.Unlock()
	case channel.Own:
		var owns channel.Greeting
		if err := json.Unmarshal(f.Content, &owns); err != nil {
			h.kernel.Log("channel: %v", err)
			return
		}
		h.mu.Lock()
		h.own(peer, owns.Comms)
		h.mu.Unlock()
	case channel.Done:
		h.settle(f.ID)
	case channel.States:
		h.mu.Lock()
		answer := h.asked[f.ID]
		delete(h.asked, f.ID)
		h.mu.Unlock()
		if answer != nil {
			answer <- f
		}
	case channel.Flush:
		peer.Send(channel.Frame{Kind: channel.Flushed, Message: channel.Message{ID: f.ID}})
	default:
		h.kernel.Log("channel: a process sent an unknown frame %q", f.Kind)
	}
}

// publishFor publishes a message of the process called name.
func (h *Hub) publishFor(name string, peer *channel.Peer, said channel.Message) {
	if !slices.Contains(published, said.Type) {
		h.kernel.Log("channel: a process may not publish %q", said.Type)
		return
	}
	if !isObject(said.Content) || !isObject(said.Metadata) {
		h.kernel.Log("channel: a process may not publish a %s whose content or metadata is no object", said.Type)
		return
	}
	m := jupyter.NewMessage(h.kernel.Session, said.Type, nil, map[string]any{})
	if parent, err := jupyter.DecodeHeader(said.Parent); err == nil && parent.MsgID != "" {
		m.Parent = said.Parent
	} else {
		m.Parent = h.kernel.Cell()
	}
	if len(said.Content) > 0 {
		m.Content = said.Content
	}
	if len(said.Metadata) > 0 {
		m.Metadata = said.Metadata
	}
	m.Buffers = said.Buffers
	if c := readComm(m); said.Type == "comm_open" || said.Type == "comm_close" {
		h.mu.Lock()
		delete(h.owners, c.id)
		if said.Type == "comm_open" {
			h.owners[c.id] = &owned{c.target, name, peer}
		}
		h.mu.Unlock()
	}
	h.kernel.Publish(m)
}

// isObject tells whether JSON that is whole is an object, or missing.
func isObject(text json.RawMessage) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) == 0 || text[0] == '{'
}

// own makes comms those of a peer, and no others; h.mu is held.
func (h *Hub) own(peer *channel.Peer, comms map[string]string) {
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
func (h *Hub) left(peer *channel.Peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.peers, peer)
	for other := range h.peers {
		if other.Name == peer.Name { // it has connected anew before
			return
		}
	}
	orphans := h.wills[peer.Name] != nil
	for _, o := range h.owners {
		if o.peer == peer {
			o.peer, orphans = nil, true
		}
	}
	if orphans && !h.closed {
		h.count++
		vanishing := h.count
		h.vanished[peer.Name] = vanishing
		time.AfterFunc(h.orphaned, func() { h.bury(peer.Name, vanishing) })
	}
}

// bury tells the front-ends that the comms of a process are no more, if it is still away since that vanishing.
func (h *Hub) bury(name string, vanishing int) {
	h.mu.Lock()
	if h.closed || h.vanished[name] != vanishing {
		h.mu.Unlock()
		return
	}
	delete(h.vanished, name)
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
