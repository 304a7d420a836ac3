package jupyter

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

var (
	errReplayed = errors.New("it was received before")
	errOwn      = errors.New("it is one of this kernel's own")
)

// Gate lets in what front-ends say to a kernel: messages that are well signed and new.
type Gate struct {
	Signer  Signer
	Session string // of the messages that the kernel writes itself
	mark    string // how such sessions begin, before a restart too
	replays replays
	clients recent[string] // identities of peers that have shown that they have the key
}

const rememberedClients = 1000

// NewGate makes the gate of a kernel with this key. Jupyter keeps the key when it restarts a kernel, so what the kernel
// said before is still well signed. Sent back to the kernel it must not count as a front-end's: its sessions begin alike.
func NewGate(key []byte) *Gate {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("session of the kernel"))
	mark := hex.EncodeToString(mac.Sum(nil))[:16] + "-"
	return &Gate{Signer: Signer{key}, mark: mark, Session: mark + NewID()}
}

// Admit reads a message whose first frame is the identity of the peer that sent it, and makes sure that it is a front-end's,
// new, and well addressed. Its other parts are left to CheckParts.
func (g *Gate) Admit(frames [][]byte) (*Message, Header, error) {
	m, err := g.Signer.Parse(frames[1:])
	if err != nil {
		return nil, Header{}, err
	}
	m.Identities = append([][]byte{frames[0]}, m.Identities...)
	h, err := readHeader(m.Header)
	switch {
	case err != nil:
	case strings.HasPrefix(h.Session, g.mark):
		err = errOwn
	case len(g.Signer.Key) > 0 && !g.replays.first(m.signature):
		err = errReplayed
	default:
		g.clients.first(string(frames[0]), rememberedClients)
	}
	return m, h, err
}

// Knows tells whether a peer of this identity has shown that it has the key.
func (g *Gate) Knows(identity string) bool { return g.clients.has(identity) }
