package channel

import (
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	outQueue = 256
	// A process that reads nothing for this long, with the queue full, is disconnected.
	peerPatience = 5 * time.Second
)

// Peer is the kernel's end of a connection.
type Peer struct {
	Name  string            // of the process, the same at each of its connections
	Comms map[string]string // the comms it brings along, id to target

	conn net.Conn
	out  chan Frame
	gone chan struct{}
	once sync.Once
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
		Name: hello.Name, Comms: hello.Comms, conn: conn, out: make(chan Frame, outQueue), gone: make(chan struct{}),
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

// Offer queues a frame if there is room for it now.
func (p *Peer) Offer(f Frame) bool {
	select {
	case <-p.gone:
		return false
	default:
	}
	select {
	case p.out <- f:
		return true
	default:
		return false
	}
}

// Send queues a frame. It returns false when the process is gone.
func (p *Peer) Send(f Frame) bool {
	if p.Offer(f) {
		return true
	}
	patience := time.NewTimer(peerPatience)
	defer patience.Stop()
	select {
	case p.out <- f:
		return true
	case <-p.gone:
	case <-patience.C:
		p.Close()
	}
	return false
}

func (p *Peer) write() {
	defer p.Close()
	for {
		select {
		case <-p.gone:
			return
		case f := <-p.out:
			p.conn.SetWriteDeadline(time.Now().Add(writePatience))
			if writeFrame(p.conn, f) != nil {
				return
			}
			if f.Kind == End {
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
