package jupyter

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/jupyter/zmtp"
)

const handshakePatience = 10 * time.Second

// Socket is the serving end of a ROUTER, PUB or REP socket. Each peer has a goroutine that reads and one that writes, so
// none waits for another; what strangers may take is bounded, see crowd.go.
type Socket struct {
	kind     zmtp.Kind
	listener net.Listener
	log      *Logger
	patience time.Duration // peerPatience, less in tests

	// These are set before Serve.
	Greet func(topic string) [][]byte // PUB: what a new subscriber gets first; nil: nothing
	Also  int                         // TCP: another user of this machine, besides this one and root, who may connect
	Known func(identity string) bool  // ROUTER: a peer of this name has shown elsewhere that it has the key; nil: none has

	// ROUTER: receive gets what peers say, each peer's in turn, the first frame being the peer's identity. It calls trust
	// when the peer has shown that it has the key.
	receive func(frames [][]byte, trust func())

	mu     sync.Mutex
	peers  map[*peer]bool
	count  int // of all that ever came
	held   int64
	closed bool
}

// Listen opens a socket at a ZeroMQ endpoint, tcp://host:port or ipc://path. It accepts nobody before Serve. The folder of a path
// must be this user's; where it is missing, as that of the kernels of `gantry lab` is, it is made.
func Listen(kind zmtp.Kind, endpoint string, log *Logger) (*Socket, error) {
	network, address, err := splitEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	var l net.Listener
	if network == "unix" {
		l, err = private.ListenAt(address)
	} else {
		l, err = net.Listen(network, address)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen at %s: %w", endpoint, err)
	}
	return &Socket{kind: kind, listener: l, log: log, patience: peerPatience, Also: os.Getuid(), peers: map[*peer]bool{}}, nil
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

// Serve accepts peers until close and hands what they send to receive.
func (s *Socket) Serve(receive func(frames [][]byte, trust func())) {
	s.receive = receive
	go private.Accept(s.listener, s.arrive, func(err error) { s.log.Complain("%s socket: accept: %v", s.kind, err) })
}

// arrive takes a new connection, or turns it away.
func (s *Socket) arrive(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		if err := private.CheckLocal(tcp, s.Also); err != nil {
			s.log.Complain("%s socket: turned a client away: %v", s.kind, err)
			c.Close()
			return
		}
	}
	p := newPeer(c)
	if !s.admit(p) {
		p.close()
		return
	}
	go s.welcome(p)
}

// welcome does the handshake with a new peer and then reads from it until it goes.
func (s *Socket) welcome(p *peer) {
	defer s.leave(p)
	defer func() {
		if r := recover(); r != nil { // one message must not end the kernel
			s.log.Complain("%s socket: dropped a peer: %v\n%s", s.kind, r, debug.Stack())
		}
	}()
	conn, err := zmtp.Open(p.raw, s.kind, "", handshakePatience, p.progress)
	if err == nil {
		p.conn = conn
		conn.Limits = s.limitsFor(p)
		s.rise(p, quiet)
		go p.write()
		err = s.read(p)
	}
	if errors.Is(err, zmtp.ErrProtocol) || errors.Is(err, errCrowded) {
		s.log.Complain("%s socket: dropped a peer: %v", s.kind, err)
	} // else a port scan, or a client that has left
}

func (s *Socket) read(p *peer) error {
	for {
		frames, err := p.conn.Receive()
		if err != nil {
			return err
		}
		switch s.kind {
		case zmtp.Pub:
			topic, begun, err := p.subscribe(frames)
			if err != nil {
				return err
			}
			if begun && s.Greet != nil {
				p.enqueue(s.Greet(topic), s)
			}
			s.rise(p, heard)
		case zmtp.Rep:
			p.enqueue(frames, s)
			s.rise(p, heard)
		default:
			s.receive(append([][]byte{[]byte(p.id)}, frames...), func() {
				s.rise(p, trusted)
				p.conn.Limits = s.limitsFor(p)
			})
		}
		s.hold(p, 0)
	}
}

// Send queues frames for the peer that the first frame names (ROUTER) or for every subscriber (PUB). A peer that is
// not there gets nothing, as with any ZeroMQ router.
func (s *Socket) Send(frames [][]byte) {
	if s.kind == zmtp.Router {
		s.mu.Lock()
		p := s.named(string(frames[0]))
		s.mu.Unlock()
		if p != nil {
			p.enqueue(frames[1:], s)
		}
		return
	}
	var to []*peer
	s.mu.Lock()
	for p := range s.peers {
		if p.subscribed(frames[0]) {
			to = append(to, p)
		}
	}
	s.mu.Unlock()
	for _, p := range to {
		p.enqueue(frames, s)
	}
}

// named returns the peer with an identity, or nil; s.mu is held. Of several the one that has shown that it has the key is
// meant, else the first: nobody gets another's messages by taking its name.
func (s *Socket) named(id string) *peer {
	var found *peer
	for p := range s.peers {
		if p.standing == arriving || p.id != id {
			continue
		}
		if found == nil || p.standing == trusted && found.standing != trusted ||
			(p.standing == trusted) == (found.standing == trusted) && p.number < found.number {
			found = p
		}
	}
	return found
}

// Close stops accepting and gives what is queued a moment to reach its readers.
func (s *Socket) Close(patience time.Duration) {
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
