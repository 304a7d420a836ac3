package kernel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
)

const (
	handshakeTimeout = 10 * time.Second
	// A peer may lag this many messages or bytes behind, and for this long, before it is cut off. Cutting beats dropping
	// messages without a word (libzmq's way): a live client reconnects, and the log says why.
	peerQueue    = 4096
	peerBytes    = 128 << 20
	peerPatience = 5 * time.Second
)

// socket is the serving end of a ROUTER, PUB or REP socket.
//
// zmq4's own sockets are not used for it because they do the ZMTP handshake inside the accept loop (one silent
// connection keeps all others out), write to every peer under one lock (one stopped front-end stops the kernel), and
// spin when accept fails. What is used is zmq4's connection: the ZMTP framing and handshake.
type socket struct {
	kind     zmq4.SocketType
	listener net.Listener
	receive  func(frames [][]byte) // called by one goroutine per peer; for ROUTER the first frame is the peer's identity
	log      *logger
	patience time.Duration               // peerPatience, less in tests
	greet    func(topic string) [][]byte // PUB: what a new subscriber gets first; nil: nothing

	mu     sync.Mutex
	peers  map[*peer]bool
	closed bool
}

// peer is one connected client of a socket.
type peer struct {
	id   string
	conn *zmq4.Conn
	rw   *gatheringConn
	out  chan [][]byte
	gone chan struct{}
	once sync.Once

	unsent atomic.Int64 // messages queued or gathered that the operating system does not have yet
	bytes  atomic.Int64 // of them

	mu     sync.Mutex
	topics map[string]bool // PUB: what the peer subscribed to
}

func (p *peer) close() {
	p.once.Do(func() {
		close(p.gone)
		p.rw.Close()
	})
}

// listen opens a socket at a ZeroMQ endpoint, tcp://host:port or ipc://path. It accepts nobody before serve.
func listen(kind zmq4.SocketType, endpoint string, log *logger) (*socket, error) {
	network, address, err := splitEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen at %s: %w", endpoint, err)
	}
	return &socket{kind: kind, listener: l, log: log, patience: peerPatience, peers: map[*peer]bool{}}, nil
}

func splitEndpoint(endpoint string) (network, address string, err error) {
	scheme, address, ok := strings.Cut(endpoint, "://")
	switch {
	case ok && scheme == "tcp":
		return "tcp", address, nil
	case ok && scheme == "ipc":
		return "unix", address, nil
	}
	return "", "", fmt.Errorf("connection transport of %q is not known; want tcp or ipc", endpoint)
}

// serve accepts peers until close and hands what they send to receive.
func (s *socket) serve(receive func(frames [][]byte)) {
	s.receive = receive
	go func() {
		for {
			c, err := s.listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				s.log.printf("%s socket: accept: %v", s.kind, err)
				time.Sleep(100 * time.Millisecond) // out of descriptors: let some go before the next try
				continue
			}
			go s.welcome(c)
		}
	}()
}

// welcome does the handshake with a new peer and then reads from it until it goes.
func (s *socket) welcome(c net.Conn) {
	p := &peer{
		rw: gather(c), out: make(chan [][]byte, peerQueue), gone: make(chan struct{}), topics: map[string]bool{},
	}
	defer p.close()
	c.SetDeadline(time.Now().Add(handshakeTimeout))
	var err error
	p.conn, err = zmq4.Open(p.rw, null.Security(), s.kind, nil, true, nil)
	if err != nil {
		return // a port scan or a client that left again: nothing was said yet, nothing is lost
	}
	c.SetDeadline(time.Time{})
	p.rw.gathering = true
	p.id = p.conn.Peer.Meta["Identity"]
	if p.id == "" {
		p.id = "\x00" + newID()
	}

	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	for old := range s.peers {
		if s.kind == zmq4.Router && old.id == p.id { // a client that reconnects before its old connection is seen dead
			delete(s.peers, old)
			old.close()
		}
	}
	s.peers[p] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.peers, p)
		s.mu.Unlock()
	}()

	go p.write()
	s.read(p)
}

func (s *socket) read(p *peer) {
	defer func() {
		if r := recover(); r != nil { // zmq4 trusts the frame length a peer announces
			s.log.printf("%s socket: dropped a peer that broke the protocol: %v", s.kind, r)
		}
	}()
	for {
		m, err := p.conn.RecvMsg()
		if err != nil {
			return
		}
		switch {
		case m.Type == zmq4.CmdMsg:
		case s.kind == zmq4.Pub:
			if topic, ok := p.subscribe(m.Frames); ok && s.greet != nil {
				p.enqueue(s.greet(topic), s)
			}
		case s.kind == zmq4.Rep:
			p.enqueue(m.Frames, s)
		default:
			s.receive(append([][]byte{[]byte(p.id)}, m.Frames...))
		}
	}
}

// subscribe does what a subscriber asks for; it returns the topic of a new subscription.
func (p *peer) subscribe(frames [][]byte) (topic string, begun bool) {
	if len(frames) != 1 || len(frames[0]) == 0 {
		return "", false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	topic = string(frames[0][1:])
	switch frames[0][0] {
	case 1:
		p.topics[topic] = true
		return topic, true
	case 0:
		delete(p.topics, topic)
	}
	return "", false
}

func (p *peer) subscribed(topic []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for t := range p.topics {
		if strings.HasPrefix(string(topic), t) {
			return true
		}
	}
	return false
}

// send queues frames for the peer that the first frame names (ROUTER) or for every subscriber (PUB). A peer that is
// not there gets nothing, as with any ZeroMQ router.
func (s *socket) send(frames [][]byte) {
	s.mu.Lock()
	var to []*peer
	for p := range s.peers {
		if s.kind == zmq4.Router && p.id == string(frames[0]) || s.kind == zmq4.Pub && p.subscribed(frames[0]) {
			to = append(to, p)
		}
	}
	s.mu.Unlock()
	if s.kind == zmq4.Router {
		frames = frames[1:]
	}
	for _, p := range to {
		p.enqueue(frames, s)
	}
}

func (p *peer) enqueue(frames [][]byte, s *socket) {
	size := sizeOf(frames)
	p.unsent.Add(1)
	p.bytes.Add(size)
	if p.bytes.Load() < peerBytes {
		select {
		case p.out <- frames:
			return
		case <-p.gone:
			return
		default:
		}
	}
	patience, look := time.NewTimer(s.patience), time.NewTicker(2*time.Millisecond)
	defer patience.Stop()
	defer look.Stop()
	for {
		out := p.out
		if p.bytes.Load()-size >= peerBytes {
			out = nil
		}
		select {
		case out <- frames:
			return
		case <-p.gone:
			return
		case <-look.C:
		case <-patience.C:
			s.log.printf("%s socket: a client took nothing for %s; disconnected it", s.kind, s.patience)
			p.close()
			return
		}
	}
}

func sizeOf(frames [][]byte) int64 {
	size := 0
	for _, f := range frames {
		size += len(f)
	}
	return int64(size)
}

func (p *peer) write() {
	defer p.close()
	var gathered, bytes int64
	for {
		select {
		case <-p.gone:
			return
		case frames := <-p.out:
			if p.conn.SendMsg(zmq4.NewMsgFrom(frames...)) != nil {
				return
			}
			gathered++
			bytes += sizeOf(frames)
			if len(p.out) > 0 && bytes < peerBytes/8 {
				continue
			}
			if p.rw.out.Flush() != nil {
				return
			}
			p.unsent.Add(-gathered)
			p.bytes.Add(-bytes)
			gathered, bytes = 0, 0
		}
	}
}

// close stops accepting and gives what is queued a moment to reach its readers.
func (s *socket) close(patience time.Duration) {
	s.listener.Close()
	s.mu.Lock()
	s.closed = true
	peers := make([]*peer, 0, len(s.peers))
	for p := range s.peers {
		peers = append(peers, p)
	}
	s.mu.Unlock()
	deadline := time.Now().Add(patience)
	for _, p := range peers {
		p.drain(deadline)
		p.close()
	}
}

// drain waits until everything queued was handed to the operating system, or the deadline passes.
func (p *peer) drain(deadline time.Time) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.gone:
			return
		case <-tick.C:
			if p.unsent.Load() == 0 || time.Now().After(deadline) {
				return
			}
		}
	}
}

// dial connects to a listening ZeroMQ socket, trying again until it is there or ctx ends.
func dial(ctx context.Context, kind zmq4.SocketType, endpoint, identity string) (*link, error) {
	network, address, err := splitEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	for {
		c, err := d.DialContext(ctx, network, address)
		if err == nil {
			rw := gather(c)
			conn, err := zmq4.Open(rw, null.Security(), kind, zmq4.SocketIdentity(identity), false, nil)
			if err != nil {
				c.Close()
				return nil, fmt.Errorf("no ZeroMQ handshake at %s: %w", endpoint, err)
			}
			rw.gathering = true
			return &link{conn: conn, rw: rw}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// link is the connecting end of a DEALER or SUB socket: exactly one peer, lost when that peer goes.
type link struct {
	conn *zmq4.Conn
	rw   *gatheringConn
	mu   sync.Mutex
}

func (l *link) send(frames [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.conn.SendMsg(zmq4.NewMsgFrom(frames...)); err != nil {
		return err
	}
	return l.rw.out.Flush()
}

// receive blocks for the next message; an error means that the peer is gone.
func (l *link) receive() ([][]byte, error) {
	for {
		m, err := l.conn.RecvMsg()
		if err != nil {
			return nil, err
		}
		if m.Type != zmq4.CmdMsg {
			return m.Frames, nil
		}
	}
}

func (l *link) close() { l.rw.Close() }

// gatheringConn collects the many small writes of a message (zmq4 writes two per frame) into one, and reads ahead.
// Writing and flushing belong to one goroutine at a time.
type gatheringConn struct {
	net.Conn
	in        *bufio.Reader
	out       *bufio.Writer
	gathering bool // off during the handshake, where zmq4 expects each write to leave at once
}

func gather(c net.Conn) *gatheringConn {
	return &gatheringConn{Conn: c, in: bufio.NewReaderSize(c, 64<<10), out: bufio.NewWriterSize(c, 64<<10)}
}

// Read implements io.Reader.
func (g *gatheringConn) Read(b []byte) (int, error) { return g.in.Read(b) }

// Write gathers until the next flush; it implements io.Writer.
func (g *gatheringConn) Write(b []byte) (int, error) {
	if !g.gathering {
		return g.Conn.Write(b)
	}
	return g.out.Write(b)
}
