// Package wire is what the kernel and its engine say to each other over their socket: frames, and what is in them. The
// engine is a program in a module of its own, so this package imports only the standard library and is compiled in both.
//
// Reading order: this file, then messages.go.
package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Largest is how many bytes a frame may have. The largest displays, as JSON, are not larger.
const Largest = 400 << 20

// header is the kind of a frame and the length of what follows.
const header = 1 + 4

// Conn sends and receives frames. One goroutine may receive while others send.
type Conn struct {
	under io.ReadWriteCloser
	mu    sync.Mutex // of sending
}

// NewConn returns a connection over a socket.
func NewConn(under io.ReadWriteCloser) *Conn { return &Conn{under: under} }

// Close ends both directions.
func (c *Conn) Close() error { return c.under.Close() }

// Send sends a frame with value as JSON.
func (c *Conn) Send(kind Kind, value any) error {
	content, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return c.SendBytes(kind, content)
}

// SendBytes sends a frame as it is. It waits while the other side does not read.
func (c *Conn) SendBytes(kind Kind, content []byte) error {
	if len(content) > Largest {
		return fmt.Errorf("a frame of %d bytes; the most is %d", len(content), Largest)
	}
	frame := make([]byte, header, header+len(content))
	frame[0] = byte(kind)
	binary.BigEndian.PutUint32(frame[1:], uint32(len(content)))
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.under.Write(append(frame, content...))
	return err
}

// Receive waits for the next frame. It makes room for what has arrived, not for what a length promises. The error is
// io.EOF when the other side is gone between two frames.
func (c *Conn) Receive() (Kind, []byte, error) {
	var head [header]byte
	if _, err := io.ReadFull(c.under, head[:]); err != nil {
		return 0, nil, err
	}
	kind, length := Kind(head[0]), int64(binary.BigEndian.Uint32(head[1:]))
	if kind == 0 || kind >= kinds || length > Largest {
		return 0, nil, fmt.Errorf("a frame of kind %d with %d bytes", kind, length)
	}
	var content bytes.Buffer
	if n, err := io.CopyN(&content, c.under, length); err != nil {
		return 0, nil, fmt.Errorf("a frame of %d bytes ends after %d: %w", length, n, err)
	}
	return kind, content.Bytes(), nil
}

// Read gives what a frame says to do. The error is that of do, or says that the frame is not understood.
func Read[E any](content []byte, do func(E) error) error {
	var said E
	if err := json.Unmarshal(content, &said); err != nil {
		return fmt.Errorf("a frame is no %T: %w", said, err)
	}
	return do(said)
}
