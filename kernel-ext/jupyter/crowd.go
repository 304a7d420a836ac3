package jupyter

import (
	"errors"

	"gantry.local/kernel-ext/jupyter/zmtp"
)

// Whoever may connect is served without having shown that it has the key: all that Jupyter signs is a message's content.
// So what all such strangers of a socket may take together is bounded, and where they want more those go that a client
// does without most easily.
const (
	MostPeers     = 256       // of a socket
	strangerBytes = 64 << 20  // of the messages that arrive from all strangers of a socket
	clientBytes   = 1 << 30   // of a message of a client that has shown the key
	mostFrames    = 10_000    // of a message
	askingBytes   = 128 << 10 // of what a subscriber asks for, or a heartbeat
	askingFrames  = 16
)

// standing is how far a peer has come, in the order in which peers are kept.
type standing int

const (
	arriving standing = iota // in its handshake
	quiet                    // it has said nothing yet
	heard                    // it has, but nothing that only a holder of the key can say
	trusted                  // a message of it bore the right signature
)

var errCrowded = errors.New("strangers send more at once than is kept for them")

func (s *Socket) limitsFor(p *peer) zmtp.Limits {
	switch {
	case s.kind != zmtp.Router:
		return zmtp.Limits{Frames: askingFrames, Bytes: askingBytes}
	case p.standing == trusted:
		return zmtp.Limits{Frames: mostFrames, Bytes: clientBytes}
	}
	return zmtp.Limits{Frames: mostFrames, Bytes: strangerBytes, Hold: func(bytes int64) error { return s.hold(p, bytes) }}
}

// admit gives a new peer a place, that of another one if all are taken. It returns false if there is none.
func (s *Socket) admit(p *peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if len(s.peers) >= MostPeers {
		out := s.expendable()
		if out == nil {
			s.log.Complain("%s socket: refused a client: %d are connected", s.kind, len(s.peers))
			return false
		}
		s.log.Complain("%s socket: %d are connected; let one go that has not shown the key", s.kind, len(s.peers))
		s.remove(out)
		out.close()
	}
	s.count++
	p.number = s.count
	s.peers[p] = true
	return true
}

// expendable returns the peer to let go; s.mu is held. Of those that have come the least way it is the one that has taken
// the longest, for a client is quick; of those that have been heard it is the latest, for clients stay.
func (s *Socket) expendable() *peer {
	var out *peer
	for p := range s.peers {
		if p.standing == trusted {
			continue
		}
		if out == nil || p.standing < out.standing ||
			p.standing == out.standing && (p.number < out.number) == (p.standing < heard) {
			out = p
		}
	}
	return out
}

// remove forgets a peer; s.mu is held.
func (s *Socket) remove(p *peer) {
	delete(s.peers, p)
	s.held -= p.held
	p.held = 0
}

// leave ends a peer.
func (s *Socket) leave(p *peer) {
	p.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(p)
}

// rise notes how far a peer has come.
func (s *Socket) rise(p *peer, to standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to == quiet {
		if p.id = p.conn.Identity; p.id == "" {
			p.id = "\x00" + NewID()
		} else if s.Known != nil && s.Known(p.id) {
			to = heard
		}
	}
	if p.standing >= to {
		return
	}
	p.standing = to
	for old := range s.peers {
		if to == trusted && old != p && old.id == p.id { // a client that reconnects before its old connection is seen dead
			s.remove(old)
			old.close()
		}
	}
}

// hold notes what the message that arrives from a peer takes. Where strangers hold too much the one that holds most goes.
func (s *Socket) hold(p *peer, bytes int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.peers[p] {
		return errCrowded // it was let go
	}
	s.held += bytes - p.held
	p.held = bytes
	for s.held > strangerBytes {
		most := p
		for other := range s.peers {
			if other.held > most.held {
				most = other
			}
		}
		s.remove(most)
		most.close()
		if most == p {
			return errCrowded
		}
	}
	return nil
}
