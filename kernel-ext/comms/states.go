package comms

import (
	"encoding/json"
	"fmt"
	"time"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/jupyter"
)

// statesPatience is how long processes may take to tell the state of their widgets, and gathering is how old a hub
// must be to be asked for it: after a restart the processes need a moment to find it. JupyterLab waits 4 s.
const (
	statesPatience = 1500 * time.Millisecond
	gathering      = 1200 * time.Millisecond
)

// tellStates answers request_states with the states of the widgets of all processes, so that a page that was loaded anew
// shows them, and one that has lost its kernel.
func (h *Hub) tellStates(m *jupyter.Message, control string) {
	select {
	case <-time.After(time.Until(h.opened.Add(gathering))):
	case <-h.kernel.Done:
	}
	h.mu.Lock()
	answers := make(chan channel.Frame, len(h.peers))
	var asked []string
	for peer := range h.peers {
		id := jupyter.NewID()
		if peer.Send(channel.Frame{Kind: channel.Ask, Message: channel.Message{ID: id}}) {
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
				h.kernel.Log("channel: the states of widgets: %v", err)
				continue
			}
			buffers = append(buffers, f.Buffers...)
			continue
		case <-patience.C:
		case <-h.kernel.Done:
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
func (s *states) add(f channel.Frame) error {
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
