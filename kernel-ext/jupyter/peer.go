package jupyter

import (
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gantry.local/kernel-ext/jupyter/zmtp"
)

const (
	// A peer may lag this many messages or bytes behind, and take nothing for this long, before it is cut off. Cutting
	// beats dropping messages without a word (libzmq's way): a live client reconnects, and the log says why.
	peerQueue    = 4096
	peerBytes    = 128 << 20
	peerPatience = 5 * time.Second

	mostTopics = 64
	writeBytes = 1 << 20 // what is handed over at once, besides a single message that is larger
)

// peer is one connected client of a socket.
type peer struct {
	raw  net.Conn
	conn *zmtp.Conn // nil until the handshake is done
	gone chan struct{}
	once sync.Once

	// The socket's mutex guards these.
	id       string
	number   int // in the order of arrival
	standing standing
	held     int64 // bytes of the message that arrives

	moved atomic.Int64 // when the operating system last took something, in ns of Unix time

	mu       sync.Mutex
	topics   map[string]bool // PUB: what the peer subscribed to
	waiting  [][][]byte
	wake     chan struct{} // has a value when something waits
	messages int           // that wait or are being written
	bytes    int64         // of them
}

func newPeer(c net.Conn) *peer {
	return &peer{raw: c, gone: make(chan struct{}), wake: make(chan struct{}, 1)}
}

func (p *peer) close() {
	p.once.Do(func() {
		close(p.gone)
		p.raw.Close()
	})
}

// progress notes that the peer takes what it is sent.
func (p *peer) progress() { p.moved.Store(time.Now().UnixNano()) }

var errTopics = errors.New("too many subscriptions")

// subscribe does what a subscriber asks for; it returns the topic of a new subscription.
func (p *peer) subscribe(frames [][]byte) (topic string, begun bool, err error) {
	if len(frames) != 1 || len(frames[0]) == 0 {
		return "", false, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	topic = string(frames[0][1:])
	switch frames[0][0] {
	case 1:
		if len(p.topics) >= mostTopics && !p.topics[topic] {
			return "", false, errTopics
		}
		if p.topics == nil {
			p.topics = map[string]bool{}
		}
		p.topics[topic] = true
		return topic, true, nil
	case 0:
		delete(p.topics, topic)
	}
	return "", false, nil
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

// enqueue waits until the peer has room for a message, unless it takes nothing: then it is cut off.
func (p *peer) enqueue(frames [][]byte, s *Socket) {
	if p.put(frames) {
		return
	}
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for !p.put(frames) {
		if time.Since(time.Unix(0, p.moved.Load())) > s.patience {
			s.log.Complain("%s socket: a client took nothing for %s; disconnected it", s.kind, s.patience)
			p.close()
			return
		}
		select {
		case <-p.gone:
			return
		case <-look.C:
		}
	}
}

// put queues a message if there is room.
func (p *peer) put(frames [][]byte) bool {
	size := sizeOf(frames)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.messages >= peerQueue || p.messages > 0 && p.bytes+size > peerBytes {
		return false
	}
	if p.messages == 0 {
		p.progress() // the time counts from the first that waits
	}
	p.waiting = append(p.waiting, frames)
	p.messages++
	p.bytes += size
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return true
}

// take returns the messages to be written next; none if nothing waits.
func (p *peer) take() (batch [][][]byte, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.waiting) && (n == 0 || bytes < writeBytes) {
		bytes += sizeOf(p.waiting[n])
		n++
	}
	batch, p.waiting = p.waiting[:n:n], p.waiting[n:]
	if len(p.waiting) == 0 {
		p.waiting = nil
	}
	return batch, bytes
}

func (p *peer) write() {
	defer p.close()
	for {
		select {
		case <-p.gone:
			return
		case <-p.wake:
		}
		for batch, bytes := p.take(); len(batch) > 0; batch, bytes = p.take() {
			if p.conn.Send(batch...) != nil {
				return
			}
			p.mu.Lock()
			p.messages -= len(batch)
			p.bytes -= bytes
			p.mu.Unlock()
		}
	}
}

// unsent tells how many messages the operating system does not have yet.
func (p *peer) unsent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.messages
}

// drain waits until everything queued was handed to the operating system, or the deadline passes.
func (p *peer) drain(deadline time.Time) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for p.unsent() > 0 && time.Now().Before(deadline) {
		select {
		case <-p.gone:
			return
		case <-tick.C:
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
