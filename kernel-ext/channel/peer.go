package channel

import (
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"
)

// A process that lags so many bytes or frames behind is disconnected: whoever has something to say to it never waits. One
// that takes nothing at all is disconnected sooner, see writePatience.
const (
	mostWaiting      = 4096
	mostWaitingBytes = 64 << 20
)

// Peer is the kernel's end of a connection.
type Peer struct {
	Name  string            // of the process, the same at each of its connections
	Comms map[string]string // the comms it brings along, id to target

	conn net.Conn
	gone chan struct{}
	once sync.Once
	wake chan struct{} // has a value when something waits

	mu      sync.Mutex
	waiting []Frame
	bytes   int // of those
}

// Accept greets the process that has connected to the socket of the kernel called kernel: it is welcomed with the header
// of the cell that runs, or refused if it speaks another version. Accept closes the connection when it fails.
func Accept(conn net.Conn, kernel string, cell func() json.RawMessage) (*Peer, error) {
	p, err := accept(conn, kernel, cell)
	if err != nil {
		conn.Close()
		return nil, err
	}
	go p.write()
	return p, nil
}

func accept(conn net.Conn, kernel string, cell func() json.RawMessage) (*Peer, error) {
	conn.SetDeadline(time.Now().Add(handshakePatience))
	f, err := readFrame(conn)
	if err != nil {
		return nil, err
	}
	var hello Greeting
	if f.Kind != Hello {
		return nil, fmt.Errorf("channel: the first frame is %q", f.Kind)
	}
	if err := json.Unmarshal(f.Content, &hello); err != nil {
		return nil, err
	}
	if hello.Version != Version {
		err := fmt.Errorf("this program speaks version %d of the kernel's channel, the kernel version %d: "+
			"restart the kernel and run the cell again", hello.Version, Version)
		return nil, joinRefusal(err, writeFrame(conn, Frame{Kind: Refusal, Message: Message{Content: encode(err.Error())}}))
	}
	welcome := Frame{Kind: Welcome, Message: Message{Parent: cell(), Content: encode(Greeting{Version: Version, Name: kernel})}}
	if err := writeFrame(conn, welcome); err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return &Peer{
		Name: hello.Name, Comms: hello.Comms, conn: conn, gone: make(chan struct{}), wake: make(chan struct{}, 1),
	}, nil
}

// joinRefusal is the reason of a refusal, or why it could not be told.
func joinRefusal(reason, told error) error {
	if told != nil {
		return fmt.Errorf("%w (and it was not told: %w)", reason, told)
	}
	return reason
}

// Receive waits for the next frame; an error means that the process is gone or broke the protocol.
func (p *Peer) Receive() (Frame, error) { return readFrame(p.conn) }

// Send queues a frame. It does not wait, and returns false when the process is gone, or is disconnected for it.
func (p *Peer) Send(f Frame) bool {
	select {
	case <-p.gone:
		return false
	default:
	}
	p.mu.Lock()
	p.waiting = append(p.waiting, f)
	p.bytes += f.size()
	tooMuch := len(p.waiting) > mostWaiting || p.bytes > mostWaitingBytes && len(p.waiting) > 1
	p.mu.Unlock()
	if tooMuch {
		p.Close()
		return false
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return true
}

// take returns what is to be written next.
func (p *Peer) take() (f Frame, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.waiting = nil
		return Frame{}, false
	}
	f, p.waiting = p.waiting[0], p.waiting[1:]
	p.bytes -= f.size()
	return f, true
}

func (p *Peer) write() {
	defer p.Close()
	for {
		select {
		case <-p.gone:
			return
		case <-p.wake:
		}
		for f, ok := p.take(); ok; f, ok = p.take() {
			p.conn.SetWriteDeadline(time.Now().Add(writePatience))
			if writeFrame(p.conn, f) != nil || f.Kind == End {
				return
			}
		}
	}
}

// Close ends the connection.
func (p *Peer) Close() {
	p.once.Do(func() {
		close(p.gone)
		p.conn.Close()
	})
}
