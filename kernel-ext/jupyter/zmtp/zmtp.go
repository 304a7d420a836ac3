// Package zmtp speaks ZeroMQ's transport protocol, version 3.1 (https://rfc.zeromq.org/spec/37/) with the NULL mechanism,
// over one connection, as the side that listens or the one that connects.
//
// Who is at the other end is not trusted: every length is bounded before anything is allocated for it, memory grows only
// with what has really arrived, and what breaks the protocol is an error that ends the connection, never a panic.
//
// Reading order: zmtp.go (the handshake), ready.go (what the peers say about themselves), frame.go (messages).
package zmtp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// Kind is the type of a ZeroMQ socket, as the protocol spells it.
type Kind string

// The types of sockets that a Jupyter kernel and its clients have.
const (
	Router Kind = "ROUTER"
	Dealer Kind = "DEALER"
	Pub    Kind = "PUB"
	Sub    Kind = "SUB"
	Rep    Kind = "REP"
	Req    Kind = "REQ"
)

// talksTo lists the peers that the protocol allows each kind.
func (k Kind) talksTo(peer Kind) bool {
	switch k {
	case Router:
		return peer == Dealer || peer == Req || peer == Router
	case Dealer:
		return peer == Router || peer == Rep || peer == Dealer
	case Pub:
		return peer == Sub || peer == "XSUB"
	case Sub:
		return peer == Pub || peer == "XPUB"
	case Rep:
		return peer == Req || peer == Dealer
	case Req:
		return peer == Rep || peer == Router
	}
	return false
}

// ErrProtocol is the error for a peer that breaks the protocol or goes beyond a limit.
var ErrProtocol = errors.New("not as ZMTP has it")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrProtocol, fmt.Sprintf(format, args...))
}

// Limits bound what one message of a peer may be. The zero value of a field is no limit.
type Limits struct {
	Frames int   // in a message
	Bytes  int64 // in all frames of a message together, and as much again for each frame as it takes to keep it
	// Hold is asked before memory is taken for a message that arrives, with the bytes that the message then has; an
	// error ends the connection. nil: all is granted.
	Hold func(bytes int64) error
}

// Conn is a connection after the handshake. One goroutine may receive; sending is safe for several.
type Conn struct {
	Peer     Kind   // what the other end is
	Identity string // what it calls itself; empty: it leaves that to a router
	Limits   Limits // of what is received; the goroutine that receives may change them

	conn     net.Conn
	in       *bufio.Reader
	kind     Kind
	commands bool // the peer is of version 3.1 and knows SUBSCRIBE as a command

	mu     sync.Mutex // keeps messages whole
	sent   func()
	header []byte
	pieces net.Buffers
}

// Open does the handshake over c within patience. sent, unless nil, is called whenever the operating system has taken a
// piece of what is sent. The connection stays the caller's to close, also after an error.
func Open(c net.Conn, kind Kind, identity string, patience time.Duration, sent func()) (*Conn, error) {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	conn := &Conn{conn: c, in: bufio.NewReaderSize(c, 16<<10), kind: kind, sent: sent}
	if err := conn.greet(); err != nil {
		return nil, err
	}
	if err := conn.introduce(identity); err != nil {
		return nil, err
	}
	return conn, c.SetDeadline(time.Time{})
}

const (
	greetingSize, signatureSize   = 64, 10
	major, minor                  = 3, 1
	mechanism                     = "NULL"
	mechanismAt, mechanismSize    = 12, 20
	ready, failure                = "READY", "ERROR"
	subscribe, cancel, ping, pong = "SUBSCRIBE", "CANCEL", "PING", "PONG"
	timeToLive, longestContext    = 2, 16 // of a PING; the context comes back with the PONG
	longestIdentity               = 255
)

// greet exchanges the fixed 64 bytes that begin a connection. A peer of an older version is refused as soon as it shows
// itself: the rest of a greeting never comes from it.
func (c *Conn) greet() error {
	var own [greetingSize]byte
	own[0], own[signatureSize-1] = 0xff, 0x7f
	own[signatureSize], own[signatureSize+1] = major, minor
	copy(own[mechanismAt:], mechanism)
	if _, err := c.conn.Write(own[:]); err != nil {
		return err
	}
	var peer [greetingSize]byte
	if _, err := io.ReadFull(c.in, peer[:1]); err != nil {
		return err
	}
	if peer[0] != 0xff {
		return broken("the greeting begins with %#x: no ZeroMQ, or one before version 2.1", peer[0])
	}
	if _, err := io.ReadFull(c.in, peer[1:signatureSize+1]); err != nil {
		return err
	}
	if peer[signatureSize-1]&1 == 0 {
		return broken("the signature ends with %#x", peer[signatureSize-1])
	}
	if peer[signatureSize] < major {
		return broken("the peer speaks a version before 3.0 (%d)", peer[signatureSize])
	}
	if _, err := io.ReadFull(c.in, peer[signatureSize+1:]); err != nil {
		return err
	}
	if name := bytes.TrimRight(peer[mechanismAt:mechanismAt+mechanismSize], "\x00"); string(name) != mechanism {
		return broken("the peer wants the mechanism %q, only %s is there", name, mechanism)
	}
	c.commands = peer[signatureSize] > major || peer[signatureSize+1] >= minor
	return nil
}

// introduce exchanges READY commands.
func (c *Conn) introduce(identity string) error {
	if err := c.command(ready, metadata(c.kind, identity)); err != nil {
		return err
	}
	flags, size, err := c.frameHeader()
	if err != nil {
		return err
	}
	if flags&flagCommand == 0 {
		return broken("a message came before %s", ready)
	}
	name, body, err := c.readCommand(flags, size)
	if err != nil {
		return err
	}
	switch {
	case name == failure:
		return broken("the peer refuses: %q", body[min(1, len(body)):])
	case name != ready:
		return broken("the command %q came before %s", name, ready)
	}
	if err := c.readMetadata(body); err != nil {
		return err
	}
	if !c.kind.talksTo(c.Peer) {
		return broken("a socket of kind %q does not talk to one of kind %s", c.Peer, c.kind)
	}
	return nil
}

// Receive returns the frames of the next message. What a subscriber asks for comes in the form it has for all versions:
// one frame, 1 or 0 and the topic.
func (c *Conn) Receive() ([][]byte, error) {
	var frames [][]byte
	var held int64
	for {
		flags, size, err := c.frameHeader()
		if err != nil {
			return nil, err
		}
		if flags&flagCommand != 0 {
			name, body, err := c.readCommand(flags, size)
			if err != nil {
				return nil, err
			}
			if asked, err := c.obey(name, body); err != nil || asked != nil {
				return asked, err
			}
			continue
		}
		if c.Limits.Frames > 0 && len(frames) == c.Limits.Frames {
			return nil, broken("a message has more than %d frames", c.Limits.Frames)
		}
		frame, err := c.readBody(size, &held)
		if err != nil {
			return nil, err
		}
		if frames = append(frames, frame); flags&flagMore == 0 {
			return frames, nil
		}
	}
}

// obey does what a command asks for; asked is a subscription in the form of a message.
func (c *Conn) obey(name string, body []byte) (asked [][]byte, err error) {
	switch name {
	case ping:
		if len(body) < timeToLive || len(body) > timeToLive+longestContext {
			return nil, broken("a %s of %d bytes", ping, len(body))
		}
		return nil, c.command(pong, body[timeToLive:])
	case failure:
		return nil, broken("the peer reports an error")
	case subscribe, cancel:
		if c.kind != Pub {
			return nil, broken("%s to a socket of kind %s", name, c.kind)
		}
		form := byte(1)
		if name == cancel {
			form = 0
		}
		return [][]byte{append([]byte{form}, body...)}, nil
	}
	return nil, nil // a command of a later version
}

// Subscribe asks for the messages of a topic, as its version of the protocol has it.
func (c *Conn) Subscribe(topic string) error {
	if c.commands {
		return c.command(subscribe, []byte(topic))
	}
	return c.Send([][]byte{append([]byte{1}, topic...)})
}

// Send sends messages, each of at least one frame. Frames must not be changed until it returns.
func (c *Conn) Send(messages ...[][]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, frames := range messages {
		for i, frame := range frames {
			var flags byte
			if i < len(frames)-1 {
				flags = flagMore
			}
			if err := c.gather(flags, frame); err != nil {
				return err
			}
		}
	}
	return c.flush()
}

func (c *Conn) command(name string, body []byte) error {
	frame := slices.Concat([]byte{byte(len(name))}, []byte(name), body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.gather(flagCommand, frame); err != nil {
		return err
	}
	return c.flush()
}
