// Package channel is the private protocol between the kernel and the processes that its cells started: a process
// publishes displays and opens comms through it, and gets what the front-end says on those comms, also after its cell
// has ended and after the kernel was restarted.
//
// Both ends exchange frames over a Unix socket whose path is the same after a restart of the same kernel, so that a
// process that outlives the restart finds the new kernel by itself. A frame is the length of its head, the head as JSON,
// and the binary buffers whose lengths the head gives.
//
// Reading order: frame.go (what is said), path.go (where), conn.go (the process's end), peer.go (the kernel's end).
package channel

import (
	"encoding/json"
	"fmt"
	"io"

	"gantry.local/kernel-ext/internal/framed"
)

// Env names the environment variable in which a program of a cell finds the path of its kernel's socket.
const Env = "GANTRY_CHANNEL"

// Version is that of the protocol. Both ends must speak the same one.
const Version = 1

// Message is a Jupyter message without what the kernel adds to it.
type Message struct {
	ID       string          `json:",omitempty"` // of a front-end's message; unused in those sent
	Type     string          `json:",omitempty"` // display_data, comm_msg, …
	Parent   json.RawMessage `json:",omitempty"` // a Jupyter header; see Conn.Send and Conn.Receive
	Content  json.RawMessage `json:",omitempty"`
	Metadata json.RawMessage `json:",omitempty"` // default {}
	Buffers  [][]byte        `json:"-"`
}

// Kind says what a frame means.
type Kind string

// What a process and its kernel say to each other.
const (
	Hello   Kind = "hello"   // process: who it is, a Greeting; the first frame
	Welcome Kind = "welcome" // kernel: a Greeting; Parent is the header of the cell that runs
	Refusal Kind = "refusal" // kernel: no Welcome, for the reason in Content, a string
	Publish Kind = "publish" // process: the message is for iopub
	Own     Kind = "own"     // process: the comms it has now, a Greeting
	Will    Kind = "will"    // process: publish the message if I vanish, in place of the former will with this ID
	Done    Kind = "done"    // process: the front-end's message with this ID is dealt with
	Comm    Kind = "comm"    // kernel: the front-end's comm_msg or comm_close
	Ask     Kind = "ask"     // kernel: what is the state of your widgets? The answer bears the same ID
	States  Kind = "states"  // process: the answer
	Flush   Kind = "flush"   // process: answer when all before is published
	Flushed Kind = "flushed" // kernel: it is
	End     Kind = "end"     // kernel: it ends and is not to be restarted
	Return  Kind = "return"  // to the owner of a Conn: connected again; see Conn.Receive
)

// Frame is one thing that one end says to the other.
type Frame struct {
	Kind Kind
	Message
}

// size is about how many bytes it has on the way.
func (f Frame) size() int {
	size := len(f.Parent) + len(f.Content) + len(f.Metadata)
	for _, b := range f.Buffers {
		size += len(b)
	}
	return size
}

// Greeting is the content of Hello, Welcome and Own.
type Greeting struct {
	Version int
	Name    string            // of the process, the same at each of its connections; of the kernel, a new one at each start
	Comms   map[string]string // the process's comms: id to target
}

const (
	largestHead  = 16 << 20
	largestFrame = 64 << 20 // its buffers included
	mostBuffers  = 4096
)

// head is a frame's first part.
type head struct {
	Frame
	Sizes []int `json:",omitempty"`
}

// writeFrame writes a frame in one piece.
func writeFrame(w io.Writer, f Frame) error {
	h := head{Frame: f}
	total := 0
	for _, b := range f.Buffers {
		h.Sizes = append(h.Sizes, len(b))
		total += len(b)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("channel: a %s message is not JSON: %w", f.Type, err)
	}
	if len(f.Buffers) > mostBuffers {
		return fmt.Errorf("channel: a message of %d buffers has too many: %d are the most", len(f.Buffers), mostBuffers)
	}
	if len(text) > largestHead || len(text)+total > largestFrame {
		return fmt.Errorf("channel: a message of %d MB is too large: %d MB is the most", (len(text)+total)>>20, largestFrame>>20)
	}
	out := framed.Append(make([]byte, 0, 4+len(text)+total), text)
	for _, b := range f.Buffers {
		out = append(out, b...)
	}
	_, err = w.Write(out)
	return err
}

// readFrame is the inverse of writeFrame. What a peer announces is believed as it arrives.
func readFrame(r io.Reader) (Frame, error) {
	parts, err := framed.Read(r, largestHead)
	if err != nil {
		return Frame{}, err
	}
	text := parts[0]
	var h head
	if err := json.Unmarshal(text, &h); err != nil {
		return Frame{}, fmt.Errorf("channel: a frame cannot be read: %w", err)
	}
	if len(h.Sizes) > mostBuffers {
		return Frame{}, fmt.Errorf("channel: a frame announces %d buffers", len(h.Sizes))
	}
	left := largestFrame - len(text)
	for _, size := range h.Sizes {
		if size < 0 || size > left {
			return Frame{}, fmt.Errorf("channel: a frame announces a buffer of %d bytes", size)
		}
		left -= size
		b, err := framed.Take(r, size)
		if err != nil {
			return Frame{}, err
		}
		h.Buffers = append(h.Buffers, b)
	}
	return h.Frame, nil
}

// encode is json.Marshal for what always encodes.
func encode(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}
