package lab

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// What is said over a run's socket: each connection carries one request and the replies to it, most often one. Each is a
// frame: the lengths of two parts, 32 bits each, big-endian; JSON; and, where there are numbers or pictures, bytes.

// request is what a client asks.
type request struct {
	Version int             // protocolVersion
	Pid     int             // of the client
	Channel string          `json:",omitempty"` // of the client's kernel
	Op      string          // see resident.serve
	Args    json.RawMessage `json:",omitempty"`
}

// reply is what it is answered.
type reply struct {
	Version int
	Error   string          `json:",omitempty"`
	Kind    string          `json:",omitempty"` // of the error, where a program may want to tell
	Body    json.RawMessage `json:",omitempty"`
}

// Kinds of errors.
const (
	kindPaused  = "paused"
	kindVersion = "version"
)

const (
	largestJSON  = 64 << 20
	largestBytes = 1 << 30
)

func writeFrame(w io.Writer, message any, bytes []byte) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(text) > largestJSON || len(bytes) > largestBytes {
		return fmt.Errorf("a message of %d and %d bytes is too long", len(text), len(bytes))
	}
	frame := make([]byte, 8, 8+len(text)+len(bytes))
	binary.BigEndian.PutUint32(frame, uint32(len(text)))
	binary.BigEndian.PutUint32(frame[4:], uint32(len(bytes)))
	_, err = w.Write(append(append(frame, text...), bytes...))
	return err
}

func readFrame(r io.Reader, message any) ([]byte, error) {
	var lengths [8]byte
	if _, err := io.ReadFull(r, lengths[:]); err != nil {
		return nil, err
	}
	text, bytes := binary.BigEndian.Uint32(lengths[:]), binary.BigEndian.Uint32(lengths[4:])
	if text > largestJSON || bytes > largestBytes {
		return nil, errors.New("this is not the other side of a run's socket")
	}
	both := make([]byte, int(text)+int(bytes))
	if _, err := io.ReadFull(r, both); err != nil {
		return nil, err
	}
	return both[text:], json.Unmarshal(both[:text], message)
}
